import type {OpenApiDocument} from '../openapi/document.ts';
import {escapeHtml, markdown, page} from './html.ts';
import {operationHtml} from './operation-html.ts';
import {fieldTable, typeOf} from './schema-html.ts';

/** `/docs`: the OpenAPI document for people. Reads without a script; with one, every operation can be tried. */
export function referencePage(document: OpenApiDocument): string {
	const {info, tags, components} = document;
	const title = `${String(info['title'])} ${String(info['version'])}`;
	const body = `<nav>
<a href="#top">Start</a>
${tags.map(({name}) => `<a href="#tag-${escapeHtml(name)}">${escapeHtml(name)}</a>`).join('\n')}
<a href="#schemas">Schemas</a>
<a href="./docs/errors">Errors</a>
<a href="./api/openapi.json">OpenAPI</a>
</nav>
<main id="top">
<h1>${escapeHtml(title)}</h1>
${markdown(String(info['description']))}
<form id="settings" hidden>
<label>Token <input id="token" type="password" autocomplete="off" placeholder="wh_…"></label>
<label>Find <input id="filter" type="search" placeholder="send, qr, webhook …"></label>
</form>
${tags.map(({name, description}) => sectionHtml(document, name, description)).join('\n')}
<section id="schemas">
<h2>Schemas</h2>
${Object.entries(components.schemas)
	.map(([name, schema]) => {
		const fields = fieldTable(schema);
		return `<h3 id="schema-${escapeHtml(name)}">${escapeHtml(name)}</h3>${fields === '' ? `<p>${typeOf(schema)}</p>` : fields}`;
	})
	.join('\n')}
</section>
</main>`;
	return page({title, base: './docs/', body});
}

function sectionHtml({paths}: OpenApiDocument, tag: string, description: string): string {
	const operations = Object.entries(paths).flatMap(([path, item]) =>
		Object.entries(item)
			.filter(([, {tags}]) => tags.includes(tag))
			.map(([method, operation]) => operationHtml(method, path, operation)),
	);
	return `<section id="tag-${escapeHtml(tag)}">
<h2>${escapeHtml(tag)}</h2>
<p>${escapeHtml(description)}</p>
${operations.join('\n')}
</section>`;
}
