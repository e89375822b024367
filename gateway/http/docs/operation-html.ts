import type {JsonSchema} from '../openapi/json-schema.ts';
import type {Operation} from '../openapi/operation.ts';
import type {Parameter} from '../openapi/parameters.ts';
import type {ResponseObject} from '../openapi/responses.ts';
import {escapeHtml, markdown} from './html.ts';
import {fieldTable, typeOf} from './schema-html.ts';

/** One operation: what it takes, what it answers, and a form to try it. */
export function operationHtml(method: string, path: string, operation: Operation): string {
	const {operationId, summary, description, parameters, requestBody, responses} = operation;
	const verb = method.toUpperCase();
	const body = requestBody?.content['application/json'];
	return `<details class="operation" id="${escapeHtml(operationId)}">
<summary><b class="${method}">${verb}</b> <code>${escapeHtml(path)}</code> <span>${escapeHtml(summary)}</span></summary>
${markdown(description)}
${parameters.length === 0 ? '' : `<h4>Parameters</h4>${parameterTable(parameters)}`}
${body === undefined ? '' : `<h4>Body</h4>${fieldTable(body['schema'] as JsonSchema)}`}
<h4>curl</h4>
<pre>${escapeHtml(operation['x-codeSamples'][0]?.source ?? '')}</pre>
${tryForm(verb, path, operation)}
<h4>Answers</h4>
${Object.entries(responses)
	.map(([status, response]) => responseHtml(status, response))
	.join('\n')}
</details>`;
}

function parameterTable(parameters: readonly Parameter[]): string {
	const rows = parameters.map(
		({name, in: place, required, description = '', schema}) =>
			`<tr><td><code>${escapeHtml(name)}</code>${required ? '' : ' <i>optional</i>'}</td><td>${place}, ${typeOf(schema)}</td><td>${markdown(description)}</td></tr>`,
	);
	return `<table>${rows.join('')}</table>`;
}

/** Shown by the script; without one there is nothing to try with. */
function tryForm(verb: string, path: string, {parameters, requestBody}: Operation): string {
	const inputs = parameters.map(({name, in: place, required, example}) => {
		const text = typeof example === 'string' ? escapeHtml(example) : '';
		const shown = required ? text : '';
		const hint = required || text === '' ? '' : ` placeholder="${text}"`;
		return `<label>${escapeHtml(name)} <input data-in="${place}" name="${escapeHtml(name)}" value="${shown}"${hint} autocomplete="off"></label>`;
	});
	const body = requestBody?.content['application/json']?.['example'];
	const text =
		requestBody === undefined
			? ''
			: `<label>Body <textarea name="body" rows="6" spellcheck="false">${escapeHtml(JSON.stringify(body, null, 2))}</textarea></label>`;
	return `<form hidden data-method="${verb}" data-path="${escapeHtml(path)}"><h4>Try it</h4>${inputs.join('')}${text}<button>Send</button><output></output></form>`;
}

function responseHtml(status: string, {description, content}: ResponseObject): string {
	const isError = status >= '400';
	const [type, media] = Object.entries(content ?? {})[0] ?? [];
	const schema = isError ? undefined : (media?.['schema'] as JsonSchema | undefined);
	const kind = schema === undefined ? '' : `: ${type === '*/*' ? 'bytes' : typeOf(schema)}`;
	const example = media?.['example'];
	return `<details class="answer"><summary><b class="s${status.charAt(0)}">${status}</b>${kind}</summary>
${markdown(description)}
${isError ? '<p><a href="./docs/errors">What to do about errors</a></p>' : ''}
${schema === undefined ? '' : fieldTable(schema)}
${example === undefined ? '' : `<pre>${escapeHtml(JSON.stringify(example, null, 2))}</pre>`}
</details>`;
}
