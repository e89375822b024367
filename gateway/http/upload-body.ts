import {randomUUID} from 'node:crypto';
import type {Request, RequestHandler, Response} from 'express';
import type {Connection} from '../../domain/connections/connection.ts';
import {ValidationError} from '../../domain/errors.ts';
import type {Logger} from '../../domain/ports/logger.ts';
import type {MediaStore} from '../../domain/ports/media-store.ts';
import {targetOf} from './access.ts';
import {identityOf} from './authenticate.ts';
import {hasBody, isForm, isJson} from './body-type.ts';
import {PayloadTooLargeError, UnsupportedMediaTypeError} from './http-errors.ts';
import type {Intake} from './intake.ts';
import type {BodyFormat} from './uploads/body-format.ts';
import {BodyReader} from './uploads/body-reader.ts';
import {BodySource} from './uploads/body-source.ts';
import {FormFormat} from './uploads/form-format.ts';
import {JsonFormat} from './uploads/json-format.ts';
import {Upload} from './uploads/upload.ts';

/** What is said more than once is legal, and the last counts; but each costs a file. */
const MAX_UPLOADS = 4;

export interface UploadBodyOptions {
	/** The fields of the body that are uploads, in base64. */
	readonly fields: readonly string[];
	readonly media: MediaStore;
	/** Every upload counts as large: each holds a file open while it comes. */
	readonly intake: Intake;
	/** Of the whole body. */
	readonly limitBytes: number;
	/** Of the body without its uploads. */
	readonly restLimitBytes: number;
	readonly log: Logger;
}

/**
 * Reads a body, JSON or a form, whose uploads go to the media store of the route's connection while they arrive: `request.body` then
 * has an `Upload` in place of each, and `null` in place of an empty text, which is how forms leave a field out. The only place that removes uploads that nobody took over, however the request ends.
 */
export function uploadBody(options: UploadBodyOptions): RequestHandler {
	return async (request, response, next) => {
		const format = formatOf(request, options.fields);
		if (format === undefined) {
			next();
			return;
		}
		const {id: connectionId} = targetOf(response) as Connection;
		const uploads: (Upload | null)[] = [];
		using _place = await options.intake.enter(identityOf(response).user.id);
		const reading = readBody(request, {...options, format, connectionId, uploads});
		void Promise.allSettled([reading, closed(response)]).then(() => removeUnused(uploads, {...options, connectionId}));
		request.body = await reading;
		// Who has gone away does not learn that the message was sent, and will send it again.
		if (!response.closed) next();
	};
}

/** Undefined for what is not read here. @throws {UnsupportedMediaTypeError} */
function formatOf(request: Request, fields: readonly string[]): BodyFormat | undefined {
	if (!hasBody(request) || !(isJson(request) || isForm(request))) {
		return undefined;
	}
	const {'content-encoding': encoding = 'identity', 'content-type': type = ''} = request.headers;
	if (encoding.toLowerCase() !== 'identity') {
		throw new UnsupportedMediaTypeError('Content-Encoding must be absent: files are read as they come');
	}
	const charset = /;\s*charset\s*=\s*"?([^\s;"]+)/i.exec(type)?.[1] ?? 'utf-8';
	if (!/^(utf-?8|us-ascii)$/i.test(charset)) {
		throw new UnsupportedMediaTypeError('The charset of the body must be UTF-8');
	}
	return isJson(request) ? new JsonFormat(fields) : new FormFormat(fields);
}

interface Reading extends UploadBodyOptions {
	readonly format: BodyFormat;
	readonly connectionId: string;
	/** Gets each upload once it is stored; null for an empty one. */
	readonly uploads: (Upload | null)[];
}

async function readBody(request: Request, reading: Reading): Promise<unknown> {
	const {format, limitBytes, restLimitBytes, uploads} = reading;
	if (Number(request.headers['content-length'] ?? 0) > limitBytes) {
		throw new PayloadTooLargeError();
	}
	using source = new BodySource(request, limitBytes);
	const reader = new BodyReader({source, format, restLimitBytes});
	for (let field = await reader.nextUpload(); field !== undefined; field = await reader.nextUpload()) {
		if (uploads.length === MAX_UPLOADS) {
			throw new ValidationError(`${field} must be given once`);
		}
		uploads.push(await store(reader.content(field), reading));
	}
	return withUploads(reader.parse(), reading);
}

/** Null where there is nothing to store. */
async function store(
	content: AsyncGenerator<Uint8Array, undefined>,
	{media, connectionId, limitBytes}: Reading,
): Promise<Upload | null> {
	const first = await content.next();
	if (first.done === true) {
		return null;
	}
	const filename = `outgoing-${randomUUID()}`;
	// What it is will be told from its content when it is sent.
	const file = {
		contentType: 'application/octet-stream',
		displayName: null,
		content: withFirst(first.value, content),
		maxBytes: limitBytes,
	};
	const {sha256, sizeBytes} = await media.put({connectionId, filename}, file);
	return new Upload({filename, sha256, sizeBytes});
}

async function* withFirst<T>(first: T, rest: AsyncIterable<T>): AsyncGenerator<T, undefined> {
	yield first;
	yield* rest;
}

/** Puts the uploads where their numbers are: every text in one of the fields is such a number. */
function withUploads(body: unknown, {fields, uploads}: Reading): unknown {
	if (typeof body !== 'object' || body === null || Array.isArray(body)) {
		return body;
	}
	const entries = Object.entries(body).map(([name, value]: [string, unknown]) =>
		fields.includes(name) && typeof value === 'string' ? [name, uploads[Number(value)]] : [name, value],
	);
	return Object.fromEntries(entries);
}

/** Resolves when the answer is out, or the caller gone. */
function closed(response: Response): Promise<void> {
	return new Promise((resolve) => {
		if (response.closed) resolve();
		else response.once('close', resolve);
	});
}

async function removeUnused(
	uploads: readonly (Upload | null)[],
	{media, connectionId, log}: UploadBodyOptions & {readonly connectionId: string},
): Promise<void> {
	for (const upload of uploads) {
		if (upload === null || upload.isTaken) continue;
		const {filename} = upload;
		try {
			await media.remove({connectionId, filename});
		} catch (error) {
			// It goes when files expire.
			log.warn({connectionId, filename, error}, 'http.upload.kept');
		}
	}
}
