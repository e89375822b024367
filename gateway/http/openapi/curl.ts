import type {Parameter} from './parameters.ts';

/** A call as one pastes it into a shell that has `$TOKEN`. */
export function curlOf(options: {
	method: string;
	url: string;
	parameters: readonly Parameter[];
	body?: unknown;
	/** Default true. */
	authenticated?: boolean;
	/** The answer does not end: what comes is shown as it comes. */
	stream?: boolean | undefined;
}): string {
	const {method, url, parameters, body, authenticated = true, stream = false} = options;
	const query = parameters
		.filter((parameter) => parameter.in === 'query' && parameter.required)
		.map(({name, example}) => `${name}=${encodeURIComponent(String(example))}`);
	const address = parameters.reduce(
		(path, {name, example}) => path.replace(`{${name}}`, encodeURIComponent(String(example))),
		url,
	);
	return [
		'curl',
		...(stream ? ['-N'] : []),
		...(method === 'GET' ? [] : ['-X', method]),
		quote(query.length === 0 ? address : `${address}?${query.join('&')}`),
		...(authenticated ? ['-H', '"Authorization: Bearer $TOKEN"'] : []),
		...(body === undefined ? [] : ['-H', quote('Content-Type: application/json'), '-d', quote(JSON.stringify(body))]),
	].join(' ');
}

function quote(text: string): string {
	return `'${text.replaceAll("'", String.raw`'\''`)}'`;
}
