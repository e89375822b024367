import {execFile, spawnSync} from 'node:child_process';
import {readFileSync} from 'node:fs';
import {mkdir, writeFile} from 'node:fs/promises';
import {join} from 'node:path';
import {promisify} from 'node:util';
import test from 'ava';
import {signatureHeaders, standardSecret} from '../../domain/webhooks/signing.ts';
import {newSigningSecret} from '../../domain/webhooks/webhook.ts';
import {createTemporaryFolder} from '../support/temporary-folder.ts';

// The samples of docs/webhooks.md, as they stand there, against deliveries as they are signed.

const ROOT = join(import.meta.dirname, '../..');
const GUIDE = readFileSync(join(ROOT, 'docs/webhooks.md'), 'utf8');

interface Samples {
	readonly isGenuine: (headers: Record<string, string>, body: Buffer, secret: string) => boolean;
	readonly readEvent: (headers: Record<string, string>, body: string, standardSecret: string) => unknown;
}

interface Case {
	readonly name: string;
	readonly headers: Record<string, string>;
	readonly body: string;
	readonly secret: string;
	readonly isGenuine: boolean;
}

const [secret, other] = [newSigningSecret(), newSigningSecret()];
const body = '{"event":"message","payload":{"body":"Grüße 👋"}}';

function sign(ageSeconds: number, ...secrets: readonly [string, ...string[]]): Record<string, string> {
	const request = {event: 'message', eventId: 'evt_1', deliveryId: 'dlv_1', attempt: 1};
	const timestampSeconds = Math.floor(Date.now() / 1000) - ageSeconds;
	return signatureHeaders({...request, timestampSeconds, body: Buffer.from(body)}, secrets);
}

/** Cases whose verdict is the same by either signature. */
function cases(): readonly Case[] {
	const fresh = sign(0, secret);
	const base = {headers: fresh, body, secret};
	return [
		{...base, name: 'a delivery', isGenuine: true},
		{...base, name: 'one of a few minutes ago', headers: sign(240, secret), isGenuine: true},
		{...base, name: 'an old one', headers: sign(400, secret), isGenuine: false},
		{...base, name: 'one of the future', headers: sign(-400, secret), isGenuine: false},
		{...base, name: 'another body', body: `${body} `, isGenuine: false},
		{...base, name: 'another secret', secret: other, isGenuine: false},
		{...base, name: 'no headers', headers: {}, isGenuine: false},
		...['', 'x', '1e9', '-5', '²'].map((timestamp) => ({
			...base,
			name: `the timestamp "${timestamp}"`,
			headers: {...fresh, 'x-wahooks-timestamp': timestamp, 'webhook-timestamp': timestamp},
			isGenuine: false,
		})),
		...['', 'sha256=', 'x', 'é'.repeat(71), `sha256=${'0'.repeat(64)}`].map((signature) => ({
			...base,
			name: `the signature "${signature}"`,
			headers: {...fresh, 'x-wahooks-signature': signature, 'webhook-signature': signature},
			isGenuine: false,
		})),
	];
}

function samplesIn(language: string): readonly string[] {
	return [...GUIDE.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\``, 'gms'))].map(([, code = '']) => code);
}

/** The TypeScript samples, each as a module of its own. */
async function importSamples(folder: string): Promise<Samples> {
	const library = import.meta.resolve('standardwebhooks');
	const modules = samplesIn('ts').map(async (code, index) => {
		const file = join(folder, `sample-${index}.ts`);
		await writeFile(file, code.replace("'standardwebhooks'", `'${library}'`));
		return (await import(file)) as Partial<Samples>;
	});
	return Object.assign({}, ...(await Promise.all(modules))) as Samples;
}

test('the TypeScript sample tells genuine deliveries from others', async (t) => {
	await using folder = await createTemporaryFolder();
	const {isGenuine} = await importSamples(folder.path);
	for (const one of cases()) t.is(isGenuine(one.headers, Buffer.from(one.body), one.secret), one.isGenuine, one.name);
});

test('the sample with a Standard Webhooks library does so too', async (t) => {
	await using folder = await createTemporaryFolder();
	const {readEvent} = await importSamples(folder.path);
	for (const one of cases()) {
		const read = (): unknown => readEvent(one.headers, one.body, standardSecret(one.secret));
		if (one.isGenuine) t.deepEqual(read(), JSON.parse(body), one.name);
		else t.throws(read, undefined, one.name);
	}
});

const hasPython = spawnSync('python3', ['--version']).status === 0;

(hasPython ? test : test.skip)('the Python sample tells genuine deliveries from others', async (t) => {
	const program = `${samplesIn('python').join('')}
import json, sys
verdicts = [is_genuine(one["headers"], one["body"].encode(), one["secret"]) for one in json.loads(sys.argv[1])]
print(json.dumps(verdicts))
`;
	const all = cases();
	const {stdout} = await promisify(execFile)('python3', ['-c', program, JSON.stringify(all)]);
	const verdicts = JSON.parse(stdout) as readonly boolean[];
	for (const [index, {name, isGenuine}] of all.entries()) t.is(verdicts[index], isGenuine, name);
});

const hasGo = spawnSync('go', ['version']).status === 0;

(hasGo ? test : test.skip)('the Go sample tells genuine deliveries from others', async (t) => {
	t.timeout(120_000);
	await using folder = await createTemporaryFolder();
	const program = `package main

import (
	"encoding/json"
	"net/http"
	"os"
	"sample/webhooks"
)

func main() {
	var cases []struct {
		Headers      map[string]string
		Body, Secret string
	}
	if err := json.Unmarshal([]byte(os.Args[1]), &cases); err != nil {
		panic(err)
	}
	verdicts := []bool{}
	for _, one := range cases {
		header := http.Header{}
		for name, value := range one.Headers {
			header.Set(name, value)
		}
		verdicts = append(verdicts, webhooks.IsGenuine(header, []byte(one.Body), one.Secret))
	}
	json.NewEncoder(os.Stdout).Encode(verdicts)
}
`;
	await mkdir(join(folder.path, 'webhooks'));
	await writeFile(join(folder.path, 'webhooks', 'webhooks.go'), samplesIn('go').join(''));
	await writeFile(join(folder.path, 'main.go'), program);
	await writeFile(join(folder.path, 'go.mod'), 'module sample\n');
	const all = cases();
	const {stdout} = await promisify(execFile)('go', ['run', '.', JSON.stringify(all)], {
		cwd: folder.path,
		// Nothing but the standard library of the Go that is there.
		env: {...process.env, GOPROXY: 'off', GOTOOLCHAIN: 'local', GOFLAGS: ''},
	});
	const verdicts = JSON.parse(stdout) as readonly boolean[];
	for (const [index, {name, isGenuine}] of all.entries()) t.is(verdicts[index], isGenuine, name);
});

test('while a rotation overlaps, the old secret verifies by hand, and both do with a library', async (t) => {
	await using folder = await createTemporaryFolder();
	const {isGenuine, readEvent} = await importSamples(folder.path);
	const headers = sign(0, secret, other);
	t.true(isGenuine(headers, Buffer.from(body), other));
	t.false(isGenuine(headers, Buffer.from(body), secret));
	for (const each of [secret, other]) t.notThrows(() => readEvent(headers, body, standardSecret(each)));
});
