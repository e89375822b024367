import {execFile} from 'node:child_process';
import {readFileSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import {promisify} from 'node:util';
import test from 'ava';
import {ERROR_CODES} from '../../domain/errors.ts';
import {ApiContract} from '../support/api-contract.ts';
import {errorsMarkdown} from '../support/errors-markdown.ts';
import {createGatewayHarness} from '../support/gateway-harness.ts';

const ROOT = join(import.meta.dirname, '../..');
const gateway = await createGatewayHarness();

test.after.always(() => gateway[Symbol.asyncDispose]());

async function read(path: string, type: RegExp): Promise<string> {
	const response = await fetch(gateway.url + path);
	if (response.status !== 200) throw new Error(`${path} answered ${response.status}`);
	const shown = response.headers.get('content-type') ?? '';
	if (!type.test(shown)) throw new Error(`${path} is ${shown}`);
	return response.text();
}

/** What a page would load or lead to. */
const addressesIn = (html: string): readonly string[] =>
	[...html.matchAll(/(?:src|href|action)="([^"]*)"/g)].map(([, address = '']) => address);

test('the reference needs no token and shows every operation and schema', async (t) => {
	const html = await read('/docs', /^text\/html/);
	const {operations, document} = await ApiContract.load(gateway.url);
	for (const {id} of operations) t.true(html.includes(`id="${id}"`), id);
	for (const name of Object.keys(document.components.schemas)) t.true(html.includes(`id="schema-${name}"`), name);
	for (const {name} of document.tags) t.true(html.includes(`id="tag-${name}"`), name);
});

test('pages load nothing from elsewhere, and a strict policy sees to it', async (t) => {
	for (const path of ['/docs', '/docs/errors']) {
		const response = await fetch(gateway.url + path);
		const html = await response.text();
		for (const address of addressesIn(html)) t.regex(address, /^(#|\.\.?\/|data:,$)/, `${path} ${address}`);
		const policy = response.headers.get('content-security-policy') ?? '';
		t.regex(policy, /default-src 'none'/);
		t.regex(policy, /script-src 'self'/);
		t.notRegex(policy, /unsafe|https?:|\*/);
		t.notRegex(html, /<script(?![^>]*src=)|\son\w+=|style="/, 'nothing that the policy would have to allow inline');
	}
});

test('what the pages link to is there', async (t) => {
	const reference = await read('/docs', /^text\/html/);
	const errors = await read('/docs/errors', /^text\/html/);
	const known = new Set<string>();
	for (const [path, html] of [
		['/docs', reference],
		['/docs/errors', errors],
	] as const) {
		for (const address of new Set(addressesIn(html))) {
			if (address.startsWith('#')) {
				t.true(html.includes(`id="${address.slice(1)}"`), `${path} ${address}`);
			} else if (!address.startsWith('data:')) {
				known.add(new URL(address, gateway.url + path).pathname);
			}
		}
	}
	t.deepEqual([...known].sort(), ['/api/openapi.json', '/docs', '/docs/errors', '/docs/viewer.css', '/docs/viewer.js']);
	for (const path of known) t.is((await fetch(gateway.url + path)).status, 200, path);
});

test('an address with a slash behind it leads to the page', async (t) => {
	for (const path of ['/docs', '/docs/errors']) {
		const response = await fetch(`${gateway.url}${path}/`);
		t.is(response.status, 200);
		t.is(new URL(response.url).pathname, path);
	}
});

test('the script of the pages is JavaScript that parses, and the style knows the dark', async (t) => {
	const script = await read('/docs/viewer.js', /^text\/javascript/);
	await t.notThrowsAsync(promisify(execFile)(process.execPath, ['--check', join(ROOT, 'gateway/http/docs/viewer.js')]));
	t.notRegex(script, /innerHTML|eval\(|https?:\/\//, 'answers are shown as text');
	t.regex(await read('/docs/viewer.css', /^text\/css/), /prefers-color-scheme: dark/);
});

test('every error code has its place on the page that errors link to', async (t) => {
	const html = await read('/docs/errors', /^text\/html/);
	for (const code of ERROR_CODES) t.true(html.includes(`id="${code}"`), code);
	const error = (await (await fetch(`${gateway.url}/nope`)).json()) as {docs: string};
	t.is(error.docs, `${gateway.publicUrl}/docs/errors#ROUTE_NOT_FOUND`);
});

test('docs/errors.md is what the catalogue says (UPDATE_DOCS=1 writes it)', (t) => {
	const path = join(ROOT, 'docs/errors.md');
	if (process.env['UPDATE_DOCS'] === '1') writeFileSync(path, errorsMarkdown());
	t.is(readFileSync(path, 'utf8'), errorsMarkdown());
});
