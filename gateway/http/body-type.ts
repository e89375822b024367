import type {IncomingMessage} from 'node:http';

type WithHeaders = Pick<IncomingMessage, 'headers'>;

/** JSON, of whatever flavour; also a body that does not say what it is. */
export function isJson({headers}: WithHeaders): boolean {
	const type = headers['content-type'];
	return type === undefined || /^\s*application\/([\w.-]+\+)?json\s*(;|$)/i.test(type);
}

export function isForm({headers}: WithHeaders): boolean {
	return /^\s*application\/x-www-form-urlencoded\s*(;|$)/i.test(headers['content-type'] ?? '');
}

export function hasBody({headers}: WithHeaders): boolean {
	return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
}
