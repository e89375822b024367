import test from 'ava';
import {MediaNotFoundError} from '../../domain/errors.ts';
import {messageOfMedia} from '../../domain/events/media.ts';
import {inferMimetype} from '../../domain/media/infer-mimetype.ts';
import {checkMediaName, mediaNameOf} from '../../domain/media/media-name.ts';
import {mimetypeOfName} from '../../domain/media/mimetype-of-name.ts';
import {SNIFFED_BYTES, sniffMimetype} from '../../domain/media/sniff-mimetype.ts';
import {toDisplayName} from '../../domain/media/to-display-name.ts';
import {toMimetype} from '../../domain/media/to-mimetype.ts';

const latin1 = (text: string): Buffer => Buffer.from(text, 'latin1');
const DOCX = 'application/vnd.openxmlformats-officedocument.wordprocessingml.document';
const XLSX = 'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet';

/** The head of an archive with these entries, each with some bytes of content. */
function archive(...names: readonly string[]): Buffer {
	return Buffer.concat(
		names.map((name) => {
			const header = Buffer.alloc(30);
			header.write('PK\x03\x04', 'latin1');
			header.writeUInt16LE(name.length, 26);
			return Buffer.concat([header, latin1(name), Buffer.alloc(300, 0xa5)]);
		}),
	);
}

test('the first bytes of a file tell what it is', (t) => {
	const cases: readonly (readonly [Buffer, string | undefined])[] = [
		[latin1('\xff\xd8\xff\xe0\0\x10JFIF'), 'image/jpeg'],
		[latin1('\x89PNG\r\n\x1a\n\0\0\0\rIHDR'), 'image/png'],
		[latin1('GIF89a\x01\0'), 'image/gif'],
		[latin1('RIFF\x24\0\0\0WEBPVP8 '), 'image/webp'],
		[latin1('RIFF\x24\0\0\0WAVEfmt '), 'audio/wav'],
		[latin1('RIFF\x24\0\0\0AVI LIST'), 'video/x-msvideo'],
		[latin1('RIFF\x24\0\0\0ACONanih'), undefined],
		[latin1('%PDF-1.7\n'), 'application/pdf'],
		[latin1('\0\0\0\x18ftypisom\0\0\x02\0'), 'video/mp4'],
		[latin1('\0\0\0\x18ftypmp42'), 'video/mp4'],
		[latin1('\0\0\0\x18ftypM4A '), 'audio/mp4'],
		[latin1('\0\0\0\x14ftypqt  '), 'video/quicktime'],
		[latin1('\0\0\0\x18ftyp3gp5'), 'video/3gpp'],
		[latin1('\0\0\0\x18ftypheic'), 'image/heic'],
		[latin1('\0\0\0\x18ftypavif'), 'image/avif'],
		[latin1('\x1a\x45\xdf\xa3\x9f\x42\x86\x81\x01\x42\x82\x84webm'), 'video/webm'],
		[latin1('\x1a\x45\xdf\xa3\x9f\x42\x86\x81\x01\x42\x82\x88matroska'), 'video/x-matroska'],
		[latin1(`OggS${'\0'.repeat(24)}OpusHead\x01`), 'audio/ogg; codecs=opus'],
		[latin1(`OggS${'\0'.repeat(24)}\x01vorbis`), 'audio/ogg'],
		[latin1(`OggS${'\0'.repeat(24)}\x80theora`), 'video/ogg'],
		[latin1('ID3\x04\0\0'), 'audio/mpeg'],
		[latin1('\xff\xfb\x90\x64'), 'audio/mpeg'],
		[latin1('\xff\xf3\x84\x44'), 'audio/mpeg'],
		[latin1('\xff\xf1\x50\x80'), 'audio/aac'],
		[latin1('\xff\xfb\xff\xff'), undefined],
		[latin1('\xff\xfeh\0i\0'), undefined],
		[latin1('#!AMR\n'), 'audio/amr'],
		[latin1('fLaC\0\0\0'), 'audio/flac'],
		[archive('photos/a.jpg'), 'application/zip'],
		[archive('[Content_Types].xml', '_rels/.rels', 'word/document.xml'), DOCX],
		[archive('[Content_Types].xml', '_rels/.rels', 'xl/workbook.xml'), XLSX],
		[archive('word/document.xml'), 'application/zip'],
		[latin1(`PK\x03\x04${'\0'.repeat(26)}mimetypeapplication/epub+zipPK\x03\x04`), 'application/epub+zip'],
		[latin1('7z\xbc\xaf\x27\x1c\0\x04'), 'application/x-7z-compressed'],
		[Buffer.from('Hello'), undefined],
		[Buffer.alloc(0), undefined],
		[latin1('\xff'), undefined],
	];
	for (const [head, expected] of cases) t.is(sniffMimetype(head), expected, head.subarray(0, 16).toString('latin1'));
});

test('what lies beyond the first bytes does not count', (t) => {
	const late = Buffer.concat([archive('[Content_Types].xml'), Buffer.alloc(SNIFFED_BYTES), latin1('word/')]);
	t.is(sniffMimetype(late), 'application/zip');
});

test('content tells more than the name, the name more than that it is text', (t) => {
	const png = latin1('\x89PNG\r\n\x1a\n');
	const cut = Buffer.from('a'.repeat(SNIFFED_BYTES - 1) + '👋');
	const cases: readonly (readonly [Buffer, string | null, string])[] = [
		[png, 'photo.jpg', 'image/png'],
		[Buffer.from('a;b\n1;2\n'), 'table.csv', 'text/csv'],
		[Buffer.from('Grüße 👋\r\n'), 'letter', 'text/plain'],
		[cut, null, 'text/plain'],
		[Buffer.from('a\0b'), null, 'application/octet-stream'],
		[latin1('Gr\xfc\xdfe'), null, 'application/octet-stream'],
		[latin1('Gr\xfc\xdfe'), 'letter.TXT', 'text/plain'],
		[Buffer.alloc(0), null, 'application/octet-stream'],
		[Buffer.alloc(0), 'voice.opus', 'audio/ogg; codecs=opus'],
		[archive('classes.dex'), 'app.apk', 'application/vnd.android.package-archive'],
		[archive('a.txt'), 'files.pdf', 'application/zip'],
		[Buffer.from('x\x01'), 'a.__proto__', 'application/octet-stream'],
	];
	for (const [head, name, expected] of cases) t.is(inferMimetype(head, name), expected, name ?? 'no name');
});

test('only the last extension of a name counts, in any case', (t) => {
	t.is(mimetypeOfName('archive.tar.GZ'), 'application/gzip');
	t.is(mimetypeOfName('.pdf'), 'application/pdf');
	for (const name of ['pdf', 'a.pdf.', 'a.pdf/b', 'a.constructor', '']) t.is(mimetypeOfName(name), undefined, name);
});

test('a media type goes into a header only if it is one', (t) => {
	for (const type of [
		'image/jpeg',
		'audio/ogg; codecs=opus',
		'text/plain;charset="utf-8"',
		'a/vnd.b+c; d=e; f="g h"',
	]) {
		t.is(toMimetype(type), type);
	}
	t.is(toMimetype(' image/png '), 'image/png');
	const wrong = [
		'',
		'image',
		'image/',
		'/jpeg',
		'a/b\r\nx: y',
		'a/b; c',
		'a/b; c="d',
		'ä/b',
		'a/b c',
		`a/${'b'.repeat(300)}`,
	];
	for (const type of [...wrong, null, undefined, 7, {}]) t.is(toMimetype(type), undefined);
});

test('a name to show has no folders, no control characters and no turns of direction', (t) => {
	const cases: readonly (readonly [unknown, string | null])[] = [
		['Счёт № 15 (copy).pdf', 'Счёт № 15 (copy).pdf'],
		['../../etc/passwd', 'passwd'],
		['C:\\temp\\a.txt', 'a.txt'],
		['a\r\nSet-Cookie: b\0.txt', 'aSet-Cookie: b.txt'],
		['photo\u202egpj.exe', 'photogpj.exe'],
		['  .hidden ', '.hidden'],
		['..', null],
		['folder/', null],
		[' \t', null],
		['', null],
		[7, null],
		[null, null],
		['\ud83d.txt', '\ufffd.txt'],
		[`${'a'.repeat(5000)}.jpeg`, `${'a'.repeat(250)}.jpeg`],
		['b'.repeat(300), 'b'.repeat(255)],
	];
	for (const [given, expected] of cases) t.is(toDisplayName(given), expected);
});

test('names that could mean another place are refused, in the words of the contract', (t) => {
	for (const name of ['3EB0.jpeg', 'true_1@c.us_3EB0.jpeg', 'ü 👋', '.a', 'x'.repeat(5000)]) {
		t.is(checkMediaName(name), name);
	}
	for (const name of ['', '..', '../a', 'a..b', 'a/b', 'a\\b', 'a\0b', '/']) {
		const error = t.throws(() => checkMediaName(name), {instanceOf: MediaNotFoundError});
		t.is(error.message, 'Invalid filename');
	}
});

test('the last part of a link stands for the name that a route sees', (t) => {
	t.is(mediaNameOf('a%20b%40c.jpeg'), 'a b@c.jpeg');
	for (const segment of ['%', '%E0%A4%A', '..%2fa', '%2e%2e', 'a%5Cb', 'a%00', '']) {
		t.is(mediaNameOf(segment), undefined, segment);
	}
});

test('the message that a file belongs to is found, however deep it is', (t) => {
	const media = {url: 'https://gateway.example/api/connections/c/media/a.jpeg', mimetype: 'image/jpeg'};
	const payload = {id: '1', media: {url: 'https://x/b.jpeg'}, after: {id: '2', replyTo: {id: '3', media}}};
	t.deepEqual(messageOfMedia(payload, 'a.jpeg'), {message: {id: '3', media}, media});
	t.like(messageOfMedia(payload, 'b.jpeg'), {message: {id: '1'}});
	for (const other of ['jpeg', 'c.jpeg']) t.is(messageOfMedia(payload, other), undefined);
	for (const strange of [null, undefined, 'a.jpeg', [payload], {media: null}]) {
		t.is(messageOfMedia(strange, 'a.jpeg'), undefined);
	}
});
