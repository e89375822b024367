import type {EngineFile, EngineMedia, MessageTarget} from '../../domain/ports/whatsapp-engine.ts';
import type {WahaClient} from './waha-client.ts';
import {engineError} from './waha-failure.ts';
import {messagePath, withQuery} from './waha-paths.ts';
import {fieldsOf, readText} from './waha-values.ts';

/** Where WAHA serves files: from its disk, and from S3 on behalf of others. */
const FILE_PATH = /^\/(api\/(?:files|s3)\/.+)$/;

/** Files that one WAHA holds: for 180 s, unless its operator has raised `WHATSAPP_FILES_LIFETIME`. */
export class WahaMedia implements EngineMedia {
	readonly #client: WahaClient;
	/** The path of the server below its host; empty for most. */
	readonly #basePath: string;

	constructor({client, baseUrl}: {client: WahaClient; baseUrl: string}) {
		this.#client = client;
		this.#basePath = new URL(baseUrl).pathname.replace(/\/+$/, '');
	}

	/**
	 * WAHA names itself as it was told to, `http://localhost:3000` by default, so that only the path counts. What is no path of its
	 * files, or one of another session's, is not fetched: an address in an event must not lead anywhere else.
	 */
	async open(session: string, url: string, signal: AbortSignal): Promise<EngineFile> {
		const path = this.#pathOf(url, session);
		if (path === undefined) {
			throw engineError('MEDIA_NOT_FOUND', new Error(`session ${session}: the file is at no address of its own`));
		}
		return this.#client.download(path, signal);
	}

	async openByName(session: string, filename: string, signal: AbortSignal): Promise<EngineFile> {
		if (!isPlain(filename)) throw engineError('MEDIA_NOT_FOUND');
		// As it stands in a URL, or decoded: both are about.
		const segment = encodeURIComponent(decode(filename));
		return this.#client.download(`api/files/${encodeURIComponent(session)}/${segment}`, signal);
	}

	/** Works for as long as WhatsApp itself holds the file: some weeks. */
	async openOfMessage(
		session: string,
		target: MessageTarget,
		signal: AbortSignal,
	): Promise<EngineFile & {readonly filename: string}> {
		const answer = await this.#client.read(
			withQuery(messagePath(session, target), {downloadMedia: true, merge: true}),
			{
				signal,
				deadline: 'mediaMs',
				meanings: {404: 'MESSAGE_NOT_FOUND'},
			},
		);
		const media = fieldsOf(fieldsOf(answer)['media']);
		const url = readText(media['url']);
		if (url === undefined) {
			throw engineError('MEDIA_NOT_FOUND', new Error('WAHA could not fetch the file from WhatsApp, or there is none'));
		}
		const file = await this.open(session, url, signal);
		return {...file, filename: nameIn(url)};
	}

	/** Relative to the server; undefined for what is no file of the session's. */
	#pathOf(url: string, session: string): string | undefined {
		if (!URL.canParse(url)) return undefined;
		const {protocol, pathname, search} = new URL(url);
		const path = pathname.startsWith(`${this.#basePath}/api/`) ? pathname.slice(this.#basePath.length) : pathname;
		const [, file] = FILE_PATH.exec(path) ?? [];
		const isFile = file !== undefined && /^https?:$/.test(protocol) && file.split('/').every(isPlain);
		return isFile && mayBeOf(session, file) ? file + search : undefined;
	}
}

/** False for a path on WAHA's disk that names another session; older versions name none, and buckets have their own layout. */
function mayBeOf(session: string, path: string): boolean {
	const [owner = '', ...rest] = /^api\/files\/(.+)$/.exec(path)?.[1]?.split('/') ?? [];
	return rest.length === 0 || decode(owner) === session;
}

/** False for a segment that is empty, or means another folder once it is decoded. */
function isPlain(segment: string): boolean {
	return !/[/\\\0]|^\.{0,2}$/.test(decode(segment));
}

/** The last segment of a path of WAHA's. */
function nameIn(url: string): string {
	return decode(new URL(url).pathname.split('/').at(-1) ?? '');
}

/** A stray % stays what it is. */
function decode(segment: string): string {
	try {
		return decodeURIComponent(segment);
	} catch {
		return segment;
	}
}
