import {execFile, spawn} from 'node:child_process';
import {once} from 'node:events';
import {promisify} from 'node:util';
import test from 'ava';
import {PinoLogger, type LogLevel} from '../../adapters/system/pino-logger.ts';
import {BrokerUnavailableError, SetupError} from '../../domain/errors.ts';

interface LoggedError {
	readonly type: string;
	readonly code?: string;
	readonly message: string;
	readonly cause?: LoggedError;
	readonly errors?: readonly LoggedError[];
	readonly stack?: string;
}

/** A logger and the lines it wrote. */
function createLogger(level: LogLevel = 'debug', pretty = false): {log: PinoLogger; lines: string[]} {
	const lines: string[] = [];
	return {log: new PinoLogger({level, pretty, destination: {write: (line) => lines.push(line)}}), lines};
}

/** What becomes of some fields. */
function logged(fields: object): Record<string, unknown> {
	const {log, lines} = createLogger();
	log.info(fields, 'test.event');
	return JSON.parse(lines.join('')) as Record<string, unknown>;
}

/** What becomes of an error. */
function loggedError(level: 'info' | 'warn' | 'error', error: unknown): LoggedError {
	const {log, lines} = createLogger();
	log[level]({error}, 'test.event');
	return (JSON.parse(lines.join('')) as {error: LoggedError}).error;
}

function coded(message: string, code: string): Error {
	return Object.assign(new Error(message), {code});
}

test('an event is one JSON line with level, time and its fields', (t) => {
	const {log, lines} = createLogger();
	log.info({deliveryId: 'dlv_1', attempt: 2, nested: {list: [1, 'two', null, true]}}, 'delivery.attempted');
	t.is(lines.length, 1);
	t.true(lines[0]?.endsWith('}\n'));
	const {time, ...rest} = JSON.parse(lines[0] ?? '') as Record<string, unknown>;
	t.regex(String(time), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
	t.deepEqual(rest, {
		level: 'info',
		deliveryId: 'dlv_1',
		attempt: 2,
		nested: {list: [1, 'two', null, true]},
		msg: 'delivery.attempted',
	});
});

test('lines below the level are not written', (t) => {
	const written = (level: LogLevel): string[] => {
		const {log, lines} = createLogger(level);
		for (const name of ['debug', 'info', 'warn', 'error'] as const) log[name]({}, 'test.event');
		return lines.map((line) => (JSON.parse(line) as {level: string}).level);
	};
	t.deepEqual(written('debug'), ['debug', 'info', 'warn', 'error']);
	t.deepEqual(written('warn'), ['warn', 'error']);
	t.deepEqual(written('silent'), []);
});

test('secrets and message text are taken out, at any depth and in any spelling', (t) => {
	const secret = 'hunter2';
	for (const key of [
		'token',
		'accessToken',
		'secret',
		'webhookSecret',
		'sealed_secret',
		'secrets',
		'password',
		'apiKey',
		'X-Api-Key',
		'encryptionKey',
		'ingestionKey',
		'Authorization',
		'cookie',
		'text',
		'body',
		'caption',
		'payload',
		'qr',
	]) {
		for (const value of [secret, [secret], {inner: secret}, Buffer.from(secret)]) {
			const line = JSON.stringify(logged({[key]: value, nested: {list: [{[key]: value}]}}));
			t.false(line.includes(secret), `${key}: ${line}`);
			t.true(line.includes('[redacted]'));
		}
	}
});

test('ids, numbers, and whether a secret is set, stay', (t) => {
	const fields = {
		tokenId: 'tok-1',
		keyCount: 3,
		fencingToken: 7,
		encryptionKey: 'set',
		apiKey: 'unset',
		secret: null,
		hasToken: true,
		text: '',
	};
	t.like(logged(fields), fields);
});

test('tokens and the credentials of URLs are taken out of texts', (t) => {
	const token = `wh_${'0123456789abcdef'.repeat(3)}`;
	const {line, url, query, header, plain} = logged({
		line: `refused ${token}, whsec_MTIzNDU2Nzg5MA==`,
		url: 'amqp://guest:hunter2@rabbit:5672/vhost',
		query: `/api/ws?token=${token}&since=evt_1&x-api-key=hunter2`,
		header: 'Bearer hunter2.abc',
		plain: 'http://example.com/path?a=1',
	});
	t.is(line, 'refused [redacted], [redacted]');
	t.is(url, 'amqp://[redacted]@rabbit:5672/vhost');
	t.is(query, '/api/ws?token=[redacted]&since=evt_1&x-api-key=[redacted]');
	t.is(header, 'Bearer [redacted]');
	t.is(plain, 'http://example.com/path?a=1');
});

test('a foreseen error shows its code and causes, and where it was thrown only at level error', (t) => {
	const error = new BrokerUnavailableError('not confirmed', {
		cause: new Error('outer', {cause: coded('connect amqp://guest:hunter2@rabbit', 'ECONNREFUSED')}),
	});
	const line = loggedError('warn', error);
	t.is(line.type, 'BrokerUnavailableError');
	t.is(line.code, 'BROKER_UNAVAILABLE');
	t.is(line.message, 'The message broker is not available: not confirmed');
	t.is(line.stack, undefined);
	t.is(line.cause?.message, 'outer');
	t.deepEqual(line.cause?.cause, {
		type: 'Error',
		code: 'ECONNREFUSED',
		message: 'connect amqp://[redacted]@rabbit',
	});
	for (const foreseen of [error, new SetupError('set DATA_DIR'), coded('reset', 'ECONNRESET')]) {
		t.is(loggedError('info', foreseen).stack, undefined);
		t.regex(loggedError('error', foreseen).stack ?? '', /pino-logger\.test/);
	}
});

test('an error that nobody foresaw shows where it was thrown at every level', (t) => {
	for (const level of ['info', 'warn', 'error'] as const) {
		t.regex(loggedError(level, new TypeError('bug')).stack ?? '', /pino-logger\.test/);
	}
});

test('an aggregate shows its errors, and what was thrown without being an error is shown as it is', (t) => {
	const {errors} = loggedError('warn', new AggregateError([coded('a', 'A'), coded('b', 'B')], 'both'));
	t.deepEqual(
		errors?.map(({code}) => code),
		['A', 'B'],
	);
	t.is(logged({error: 'text'})['error'], 'text');
	t.is(logged({error: undefined})['error'], undefined);
});

test('values that JSON cannot hold do not break a line', (t) => {
	const cycle: Record<string, unknown> = {};
	cycle['self'] = cycle;
	const errorCycle = new Error('loop');
	errorCycle.cause = errorCycle;
	const line = logged({
		cycle,
		errorCycle,
		big: 2n ** 64n,
		bytes: Buffer.from('hunter2'),
		date: new Date(0),
		call: () => 1,
		nan: Number.NaN,
		url: new URL('http://a/'),
	});
	t.like(line, {big: '18446744073709551616', bytes: '<7 bytes>', date: '1970-01-01T00:00:00.000Z', nan: null});
	t.is(line['url'], 'http://a/');
});

test('a readable line holds time, level, event and fields; stacks follow', (t) => {
	const {log, lines} = createLogger('debug', true);
	log.info({connection: 'commands', note: 'two words', token: 'hunter2', count: 2}, 'redis.restored');
	log.warn({error: new TypeError('bug')}, 'odd');
	t.regex(
		lines[0] ?? '',
		/^\d\d:\d\d:\d\d\.\d{3} INFO {2}redis\.restored connection=commands note="two words" token=\[redacted\] count=2\n$/,
	);
	t.regex(
		lines[1] ?? '',
		/^[\d:.]+ WARN {2}odd error=\{"type":"TypeError","message":"bug"\}\nTypeError: bug\n {4}at .*\n$/s,
	);
});

for (const pretty of [false, true]) {
	test(`lines are on stdout when the process exits at once (${pretty ? 'readable' : 'JSON'})`, async (t) => {
		const module = new URL('../../adapters/system/pino-logger.ts', import.meta.url).href;
		const script = `
			const {PinoLogger} = await import('${module}');
			const log = new PinoLogger({level: 'info', pretty: ${pretty}});
			for (let index = 0; index < 500; index++) log.info({index}, 'test.event');
			process.exit(0);
		`;
		const {stdout} = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script]);
		t.is(stdout.trimEnd().split('\n').length, 500);
	});
}

test('a line that is alone is on stdout while the process goes on', async (t) => {
	const module = new URL('../../adapters/system/pino-logger.ts', import.meta.url).href;
	const script = `
		const {PinoLogger} = await import('${module}');
		new PinoLogger({level: 'info', pretty: false}).info({}, 'test.event');
		setInterval(() => undefined, 1000);
	`;
	const child = spawn(process.execPath, ['--input-type=module', '-e', script], {stdio: ['ignore', 'pipe', 'inherit']});
	const [line] = (await once(child.stdout, 'data')) as [Buffer];
	const exited = once(child, 'exit');
	child.kill();
	await exited;
	t.regex(line.toString(), /"msg":"test\.event"\}\n$/);
});
