import type {IncomingMessage} from 'node:http';

type WithHeaders = Pick<IncomingMessage, 'headers'>;

/** JSON, of whatever flavour; also a body that does not say what it is. */
export function isJson({headers}: WithHeaders): boolean {
	const type = headers['content-type'];
	return type === undefined || /^\s*application\/([\w.-]+\+)?json\s*(;|$)/i.test(type);
}

/** A form that HTML pages and some clients send. */
export function isForm({headers}: WithHeaders): boolean {
	return /^\s*application\/x-www-form-urlencoded\s*(;|$)/i.test(headers['content-type'] ?? '');
}

/** False for a request whose headers announce none. */
export function hasBody({headers}: WithHeaders): boolean {
	return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
}
