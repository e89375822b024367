import {createHash, randomBytes} from 'node:crypto';
import {Readable} from 'node:stream';
import {buffer} from 'node:stream/consumers';
import test from 'ava';
import {ValidationError} from '../../domain/errors.ts';
import {PayloadTooLargeError} from '../../gateway/http/http-errors.ts';
import {BodyReader} from '../../gateway/http/uploads/body-reader.ts';
import {BodySource} from '../../gateway/http/uploads/body-source.ts';
import {FormFormat} from '../../gateway/http/uploads/form-format.ts';
import {JsonFormat} from '../../gateway/http/uploads/json-format.ts';

const MB = 1024 * 1024;

interface Read {
	/** The body, with numbers in place of uploads. */
	readonly body: unknown;
	readonly uploads: readonly {readonly field: string; readonly content: Buffer}[];
}

async function read(
	chunks: Iterable<Buffer>,
	{isForm = false, fields = ['data'], limitBytes = 50 * MB, restLimitBytes = MB} = {},
): Promise<Read> {
	using source = new BodySource(Readable.from(chunks, {objectMode: false}), limitBytes);
	const format = isForm ? new FormFormat(fields) : new JsonFormat(fields);
	const reader = new BodyReader({source, format, restLimitBytes});
	const uploads: {field: string; content: Buffer}[] = [];
	for (let field = await reader.nextUpload(); field !== undefined; field = await reader.nextUpload()) {
		uploads.push({field, content: await buffer(reader.content(field))});
	}
	return {body: reader.parse(), uploads};
}

function inPieces(bytes: Buffer, size: number): Buffer[] {
	const pieces: Buffer[] = [];
	for (let start = 0; start < bytes.length; start += size) pieces.push(bytes.subarray(start, start + size));
	return pieces;
}

const readText = (text: string, options?: Parameters<typeof read>[1]): Promise<Read> =>
	read([Buffer.from(text)], options);

test('a body reads the same wherever it is cut', async (t) => {
	const text = String.raw`{"caption":"a \"data\":\"QQ==\" ü 👋 \\","nested":{"data":"x","l":["data"]},"d\u0061ta" : "SGVs\/bG8gd29y\u002bGQ\n+\/==", "after":[1,{"data":"}"}]}`;
	const bytes = Buffer.from(text);
	const whole = await read([bytes]);
	t.deepEqual(whole.body, {
		caption: 'a "data":"QQ==" ü 👋 \\',
		nested: {data: 'x', l: ['data']},
		data: '0',
		after: [1, {data: '}'}],
	});
	t.deepEqual(whole.uploads, [{field: 'data', content: Buffer.from('SGVs/bG8gd29y+GQ+/==', 'base64')}]);
	for (let size = 1; size <= bytes.length; size++) {
		t.deepEqual(await read(inPieces(bytes, size)), whole, `in pieces of ${size}`);
	}
});

test('a form reads the same wherever it is cut', async (t) => {
	const text = 'caption=a%26data%3DQQ+b&d%61ta=SGVs%2FbG8gd29y+GQ%0A%2b%2F==&after=%C3%BC';
	const bytes = Buffer.from(text);
	const whole = await read([bytes], {isForm: true});
	t.deepEqual(whole.body, {caption: 'a&data=QQ b', data: '0', after: 'ü'});
	t.deepEqual(whole.uploads, [{field: 'data', content: Buffer.from('SGVs/bG8gd29y+GQ+/==', 'base64')}]);
	for (let size = 1; size <= bytes.length; size++) {
		t.deepEqual(await read(inPieces(bytes, size), {isForm: true}), whole, `in pieces of ${size}`);
	}
	const last = await readText('a=1&data=QUJD', {isForm: true});
	t.deepEqual(last, {body: {a: '1', data: '0'}, uploads: [{field: 'data', content: Buffer.from('ABC')}]});
});

test('every length of a file comes through, padded and not, in both alphabets', async (t) => {
	for (let length = 1; length <= 70; length++) {
		const content = randomBytes(length);
		for (const encoded of [
			content.toString('base64'),
			content.toString('base64').replace(/=+$/, ''),
			content.toString('base64url'),
			content.toString('base64').replace(/(.{7})/g, '$1 \\r\\n\\t'),
		]) {
			for (const size of [1, 2, 3, 5, 1000]) {
				const {uploads} = await read(inPieces(Buffer.from(`{"data":"${encoded}"}`), size));
				t.deepEqual(uploads[0]?.content, content, `${length} bytes in pieces of ${size}`);
			}
		}
	}
});

test('a large file comes through in pieces, whatever its chunks', async (t) => {
	const content = randomBytes(5 * MB + 1);
	const body = Buffer.from(`{"chatId":"x","data":"${content.toString('base64')}","caption":"c"}`);
	const {uploads, body: rest} = await read(inPieces(body, 65_521));
	t.deepEqual(rest, {chatId: 'x', data: '0', caption: 'c'});
	t.is(digestOf(uploads[0]?.content ?? Buffer.alloc(0)), digestOf(content));
});

const NOT_BASE64 = 'data must be base64: letters, digits, + and /, and = at its end only';
const DATA_URI = 'data must be base64 without a data: prefix: leave out everything up to the comma, and the comma';

for (const [title, value, message] of [
	['one character', 'Q', NOT_BASE64],
	['a group of one', 'QUJDQ', NOT_BASE64],
	['padding alone', '====', NOT_BASE64],
	['too much padding', 'QQ===', NOT_BASE64],
	['too little padding', 'QQ=', NOT_BASE64],
	['a group of padding more', 'QUJD====', NOT_BASE64],
	['padding in the middle', 'QQ==QUJD', NOT_BASE64],
	['padding in the middle of a group', 'Q=JD', NOT_BASE64],
	['something after padding', 'QUI=Q', NOT_BASE64],
	['a character of no alphabet', 'QUJ*', NOT_BASE64],
	['an umlaut', 'QUJü', NOT_BASE64],
	['an escaped character whose low byte is a letter', String.raw`\u0141UJD`, NOT_BASE64],
	['an escaped NUL', String.raw`QUJ\u0000`, NOT_BASE64],
	['half a pair of surrogates', String.raw`QUJ\ud83d`, NOT_BASE64],
	['an escaped quote', String.raw`QUJD\"QUJD`, NOT_BASE64],
	['an escaped backslash', String.raw`QUJD\\`, NOT_BASE64],
	['an escape that JSON lacks', String.raw`QUJ\x44`, NOT_BASE64],
	['a Unicode escape that stops', String.raw`QUJ\u00`, NOT_BASE64],
	['a raw NUL', 'QUJ\0', NOT_BASE64],
	['a data URI', 'data:image/png;base64,QUJD', DATA_URI],
	['a data URI in capitals', 'DATA:;base64,QUJD', DATA_URI],
	['an escaped data URI', String.raw`data\u003aimage\/png;base64,QUJD`, DATA_URI],
] as const) {
	test(`an upload that is ${title} is refused`, async (t) => {
		const bytes = Buffer.from(`{"data":"${value}","x":1}`);
		for (const size of [1, 4, 1000]) {
			await t.throwsAsync(read(inPieces(bytes, size)), {instanceOf: ValidationError, message});
		}
	});
}

test('an upload of nothing has no content, wherever the body is cut', async (t) => {
	for (const [text, isForm] of [
		['{"data":"","x":"1"}', false],
		['{"data":" \\n\\t ","x":"1"}', false],
		['data=&x=1', true],
		['data=%20%0A&x=1', true],
		['x=1&data=', true],
	] as const) {
		const bytes = Buffer.from(text);
		for (const size of [1, 4, 1000]) {
			const {body, uploads} = await read(inPieces(bytes, size), {isForm});
			t.deepEqual(body, {data: '0', x: '1'}, text);
			t.deepEqual(uploads, [{field: 'data', content: Buffer.alloc(0)}], text);
		}
	}
});

test('JSON that stops or goes wrong anywhere is refused', async (t) => {
	const text = '{"a":"b","data":"QUJDREVG","c":[1]}';
	for (let length = 1; length < text.length; length++) {
		await t.throwsAsync(readText(text.slice(0, length)), {instanceOf: ValidationError}, text.slice(0, length));
	}
	for (const wrong of [
		'{"data":"QUJD"',
		'{"data":"QUJD" "QUJD"}',
		'{"data" "QUJD"}',
		'{"data":"QUJD"}}',
		'{"data":"QUJD"}{"data":"QUJD"}',
		'{"data":"QUJD",}',
		'{data:"QUJD"}',
		'x{"data":"QUJD"}',
		'{"d\\uXXXXata":"QUJD"}',
	]) {
		await t.throwsAsync(readText(wrong), {instanceOf: ValidationError}, wrong);
	}
	for (const wrong of ['data=%', 'data=QUJD%4', 'data=QUJD%zz']) {
		await t.throwsAsync(readText(wrong, {isForm: true}), {message: NOT_BASE64}, wrong);
	}
});

test('only a text in the field itself is an upload', async (t) => {
	const untouched = [
		'["data","QUJD"]',
		'[{"data":"QUJD"}]',
		'{"x":{"data":"QUJD"},"y":["data:"],"datas":"QUJD","Data":"QUJD","z":"data"}',
		'{"data":null}',
		'{"data":5}',
		'{"data":["QUJD"]}',
		'{"data":{"data":"QUJD"}}',
		'{"data":true,"__proto__":{"data":"QUJD"}}',
		'"data"',
		'5',
		' {"a":1} ',
	];
	for (const text of untouched) {
		t.deepEqual(await readText(text), {body: JSON.parse(text) as unknown, uploads: []}, text);
	}
	t.deepEqual(await readText(''), {body: {}, uploads: []});
	t.deepEqual(await readText('\ufeff{"data":"QUJD"}'), {
		body: {data: '0'},
		uploads: [{field: 'data', content: Buffer.from('ABC')}],
	});
});

test('of a field that is there twice, the last one counts, and both are told', async (t) => {
	const both = [
		{field: 'data', content: Buffer.from('ABC')},
		{field: 'data', content: Buffer.from('DEF')},
	];
	t.deepEqual(await readText('{"data":"QUJD","data":"REVG"}'), {body: {data: '1'}, uploads: both});
	t.deepEqual(await readText('{"data":"QUJD","data":null}'), {body: {data: null}, uploads: both.slice(0, 1)});
	t.deepEqual(await readText('data=QUJD&data=REVG', {isForm: true}), {body: {data: '1'}, uploads: both});
});

test('ten thousand levels of nesting are read like any other rest', async (t) => {
	const deep = '['.repeat(10_000) + ']'.repeat(10_000);
	const {uploads, body} = await readText(`{"deep":${deep},"data":"QUJD"}`);
	t.is(uploads.length, 1);
	t.is((body as {data: string}).data, '0');
	await t.throwsAsync(readText('['.repeat(10_000)), {instanceOf: ValidationError});
});

test('the whole body has a limit, and what is not an upload a smaller one', async (t) => {
	const upload = 'QUJD'.repeat(1000);
	const limits = {limitBytes: 5000, restLimitBytes: 100};
	t.is((await readText(`{"data":"${upload}"}`, limits)).uploads[0]?.content.length, 3000);
	await t.throwsAsync(readText(`{"data":"${upload}${upload}"}`, limits), {instanceOf: PayloadTooLargeError});
	for (const field of ['x', 'mediaData']) {
		await t.throwsAsync(readText(`{"${field}":"${upload.slice(0, 200)}"}`, limits), {
			instanceOf: PayloadTooLargeError,
			message: 'request entity too large',
		});
	}
});

test('no more of a body is read than its reader asks for', async (t) => {
	let pulled = 0;
	const chunks = function* (): Generator<Buffer> {
		yield Buffer.from('{"data":"');
		for (; pulled < 1000; pulled++) yield Buffer.alloc(64 * 1024, 'QUJD');
		yield Buffer.from('"}');
	};
	using source = new BodySource(Readable.from(chunks(), {objectMode: false}), 100 * MB);
	const reader = new BodyReader({source, format: new JsonFormat(['data']), restLimitBytes: MB});
	const field = await reader.nextUpload();
	const content = reader.content(field ?? '');
	for (let index = 0; index < 10; index++) await content.next();
	t.true(pulled < 20, `${pulled} chunks were pulled for 10`);
	await content.return(undefined);
});

function digestOf(bytes: Buffer): string {
	return createHash('sha256').update(bytes).digest('hex');
}
