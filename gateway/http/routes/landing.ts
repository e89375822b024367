import type {RequestHandler} from 'express';
import {escapeHtml} from '../docs/html.ts';

/** `GET /`: tells a person with a browser what this is and what to do next. Loads nothing from elsewhere. */
export function landingPage({version, publicUrl}: {version: string; publicUrl: string}): RequestHandler {
	const page = render(version, publicUrl);
	return (_request, response) => {
		response.type('html').send(page);
	};
}

function render(version: string, publicUrl: string): string {
	const url = escapeHtml(publicUrl);
	return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>WAHooks gateway</title>
<style>
body {font: 16px/1.6 system-ui, sans-serif; max-width: 42rem; margin: 3rem auto; padding: 0 1rem; color: #1c2b25; background: #fbfdfc}
h1 {font-size: 1.5rem}
pre {background: #eef4f1; padding: 1rem; overflow-x: auto; border-radius: 6px; font-size: .875rem}
a {color: #0a6b4b}
</style>
<h1>WAHooks gateway ${escapeHtml(version)}</h1>
<p>A multi-tenant WhatsApp gateway: a REST API to send, signed webhooks and a live stream to receive.</p>
<p>It runs. <a href="/api/health">Health of what it depends on</a>.</p>
<p>The first start printed an API token and wrote it to <code>DATA_DIR/token</code>. With it:</p>
<pre>curl -H "Authorization: Bearer $TOKEN" ${url}/api/connections
curl -H "Authorization: Bearer $TOKEN" -X POST ${url}/api/connections</pre>
<p>Every route, with a form to try it: <a href="/docs">API reference</a> (also as <a href="/api/openapi.json">OpenAPI</a>). Events and settings are described in <code>README.md</code> and the <code>docs/</code> folder that came with this program.</p>
</html>
`;
}
