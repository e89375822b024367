import {createHmac} from 'node:crypto';
import {readFileSync} from 'node:fs';
import {join} from 'node:path';
import test from 'ava';
import {WahaIngress} from '../../adapters/waha/waha-ingress.ts';
import {ValidationError} from '../../domain/errors.ts';
import {ManualClock} from '../support/manual-clock.ts';
import {loadSampleEvents} from '../support/sample-events.ts';

const ingress = new WahaIngress({clock: new ManualClock()});

/** WAHA's published example, and two bodies that were signed with the same algorithm elsewhere. */
const KEY = 'my-secret-key';
const VECTORS = [
	{
		body: '{"event":"message","session":"default","engine":"WEBJS"}',
		hmac: '208f8a55dde9e05519e898b10b89bf0d0b3b0fdf11fdbf09b6b90476301b98d8097c462b2b17a6ce93b6b47a136cf2e78a33a63f6752c2c1631777076153fa89',
	},
	{
		body: compact('message.text.noweb.json'),
		hmac: '78ae51f08eb832411485cee801b051111df709a46db43d029fc70711a71d9433ce9f2ff81a430258f1c09d9e0950e7d2f55db3be64279f428a34fc86f0e4cda6',
	},
	{
		body: compact('message.unicode-emoji.noweb.json'),
		hmac: 'b7ba3cfbcd36fe13786d3b2b427d226fa36af2fe5b2b625a9b05bc380c0013e51fa3e860c9653073ee499dae851a7cda0a8776be262db9b2aa6949d906f7f614',
	},
] as const;
const [{body, hmac}] = VECTORS;
const raw = Buffer.from(body);

for (const [index, vector] of VECTORS.entries()) {
	test(`the signature of vector ${index} verifies, over the bytes as they came`, (t) => {
		const bytes = Buffer.from(vector.body);
		t.true(ingress.verify({'x-webhook-hmac': vector.hmac}, bytes, KEY));
		t.false(ingress.verify({'x-webhook-hmac': vector.hmac}, bytes, 'another-key'));
		t.false(ingress.verify({'x-webhook-hmac': vector.hmac}, Buffer.concat([bytes, Buffer.from('\n')]), KEY));
		const tampered = Buffer.from(bytes);
		tampered.writeUInt8(tampered.readUInt8(20) ^ 1, 20);
		t.false(ingress.verify({'x-webhook-hmac': vector.hmac}, tampered, KEY));
	});
}

const BAD_HEADERS: Readonly<Record<string, string | string[] | undefined>> = {
	'no signature': undefined,
	'an empty one': '',
	'a short one': hmac.slice(0, 127),
	'a long one': `${hmac}0`,
	'one that is no hex': `z${hmac.slice(1)}`,
	'a shorter digest': createHmac('sha256', KEY).update(raw).digest('hex'),
	'one that differs in its last digit': `${hmac.slice(0, -1)}${hmac.endsWith('0') ? '1' : '0'}`,
	several: [hmac, hmac],
	'one with a line break': `${hmac}\n`,
};

for (const [title, header] of Object.entries(BAD_HEADERS)) {
	test(`a request is refused with ${title}`, (t) => {
		t.false(ingress.verify({'x-webhook-hmac': header}, raw, KEY));
	});
}

for (const {name, envelope} of loadSampleEvents()) {
	test(`${name} is read as it is`, (t) => {
		const {timestampMs, ...event} = ingress.parse(Buffer.from(JSON.stringify(envelope)));
		const {timestamp, ...expected} = envelope;
		t.deepEqual<object, object>(event, expected);
		t.is(timestampMs, timestamp as number);
	});
}

const MALFORMED: Readonly<Record<string, RegExp>> = {
	'': /not JSON/,
	'{"event":"message","session":': /not JSON/,
	'"message"': /not a JSON object/,
	null: /not a JSON object/,
	'[{"event":"message","session":"default"}]': /not a JSON object/,
	'{}': /^event and session must be/,
	'{"event":"message"}': /^session must be/,
	'{"event":"message","session":""}': /^session must be/,
	'{"event":"message","session":7}': /^session must be/,
	'{"session":"default"}': /^event must be/,
	'{"event":null,"session":"default"}': /^event must be/,
	'{"event":"Message Any","session":"default"}': /^event "Message Any" is not an event name/,
	[`{"event":"${'a'.repeat(65)}","session":"default"}`]: /is not an event name/,
};

for (const [malformed, message] of Object.entries(MALFORMED)) {
	test(`a malformed body says what is wrong: ${malformed.slice(0, 60)}`, (t) => {
		const error = t.throws(() => ingress.parse(Buffer.from(malformed)), {instanceOf: ValidationError});
		t.regex(error.message, message);
		t.true(error.message.length < 250);
	});
}

/** As it goes over the wire. */
function compact(file: string): string {
	return JSON.stringify(JSON.parse(readFileSync(join(import.meta.dirname, '../support/events', file), 'utf8')));
}
