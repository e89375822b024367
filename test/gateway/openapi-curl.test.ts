import {execFile} from 'node:child_process';
import {promisify} from 'node:util';
import test from 'ava';
import {ApiContract} from '../support/api-contract.ts';
import {buySlots} from '../support/buy-slots.ts';
import {DocumentedWorld} from '../support/documented-world.ts';
import {FakeStripe} from '../support/fake-stripe.ts';
import {createGatewayHarness, PUBLIC_URL} from '../support/gateway-harness.ts';

// What the reference shows to be pasted into a shell is pasted into a shell.

const stripe = await FakeStripe.start();
const gateway = await createGatewayHarness({env: stripe.env});
const contract = await ApiContract.load(gateway.url);
const world = await DocumentedWorld.create(gateway);
await buySlots(world.admin, stripe, 1);

test.after.always(async () => {
	await world[Symbol.asyncDispose]();
	await gateway[Symbol.asyncDispose]();
	await stripe[Symbol.asyncDispose]();
});

for (const operation of contract.operations) {
	const {id, path, operation: about} = operation;

	test(`${id}: its curl works as shown`, async (t) => {
		const [sample] = about['x-codeSamples'];
		const real = await world.request(operation);
		const shown = path.replaceAll(/\{(\w+)\}/g, (_match, name: string) => {
			const parameter = about.parameters.find((candidate) => candidate.name === name);
			return encodeURIComponent(String(parameter?.example));
		});
		let script = sample?.source ?? '';
		t.true(script.includes(`'${PUBLIC_URL}${shown}`), script);
		script = script.replace(PUBLIC_URL + shown, gateway.url + real.path);
		// What the examples name has to be there; and nobody waits for a person's pace.
		const body = real.body as Record<string, unknown> | undefined;
		for (const [name, value] of Object.entries((operation.body?.example ?? {}) as Record<string, unknown>)) {
			if (body !== undefined && value !== body[name])
				script = script.replace(JSON.stringify(value), JSON.stringify(body[name]));
		}
		if (body?.['skipPresence'] === true) script = script.replace("-d '{", `-d '{"skipPresence":true,`);
		// A stream does not end by itself.
		if (script.startsWith('curl -N')) script += ' --max-time 3';
		const {stdout} = await promisify(execFile)('bash', ['-c', `${script} -sS -w '\\n%{http_code}' | tail -c 2000`], {
			env: {...process.env, TOKEN: world.admin.token},
			encoding: 'latin1',
		});
		t.regex(stdout, /\n20[012]$/, `${script}\n${stdout}`);
	});
}
