import test from 'ava';
import {describeConfig} from '../../config/describe-config.ts';
import {loadConfig} from '../../config/env.ts';
import {SetupError} from '../../domain/errors.ts';

const KEY = '0123456789abcdef0123456789abcdef';

const faultsOf = (env: NodeJS.ProcessEnv, roles?: string): string => {
	try {
		loadConfig(env, roles);
		return '';
	} catch (error) {
		if (!(error instanceof SetupError)) throw error;
		return error.message;
	}
};

test('without any variable everything is embedded, on loopback, with all roles', (t) => {
	const config = loadConfig({});
	t.is(config.host, '127.0.0.1');
	t.is(config.port, 3001);
	t.is(config.publicUrl, 'http://127.0.0.1:3001');
	t.is(config.amqpUrl, undefined);
	t.deepEqual([...config.roles], ['gateway', 'webhook', 'websocket', 'log', 'command', 'media', 'supervisor']);
	t.deepEqual([...config.webhookAllowCidrs], ['127.0.0.0/8', '::1/128']);
});

test('loopback webhooks are closed once the gateway listens to others', (t) => {
	t.deepEqual([...loadConfig({HOST: '0.0.0.0'}).webhookAllowCidrs], []);
	t.deepEqual(
		[...loadConfig({HOST: '0.0.0.0', WEBHOOK_ALLOW_CIDRS: '10.0.0.0/8, 127.0.0.1/32'}).webhookAllowCidrs],
		['10.0.0.0/8', '127.0.0.1/32'],
	);
});

test('every class of routes has the common rate limit until it is given one of its own', (t) => {
	t.deepEqual(loadConfig({}).rateLimits, {read: 60, send: 60, manage: 60, unauthenticated: 60});
	const env = {RATE_LIMIT_PER_MINUTE: '100', RATE_LIMIT_SEND_PER_MINUTE: '20', RATE_LIMIT_READ_PER_MINUTE: '600'};
	t.deepEqual(loadConfig(env).rateLimits, {read: 600, send: 20, manage: 100, unauthenticated: 100});
	t.regex(faultsOf({RATE_LIMIT_MANAGE_PER_MINUTE: '0'}), /RATE_LIMIT_MANAGE_PER_MINUTE must be at least 1/);
});

test('webhooks are switched off after five days, or parts of a day, or never', (t) => {
	const dayMs = 24 * 60 * 60_000;
	t.is(loadConfig({}).webhookDisableAfterMs, 5 * dayMs);
	t.is(loadConfig({WEBHOOK_DISABLE_AFTER_DAYS: '0.5'}).webhookDisableAfterMs, dayMs / 2);
	t.is(loadConfig({WEBHOOK_DISABLE_AFTER_DAYS: '0'}).webhookDisableAfterMs, 0);
	for (const days of ['-1', '5d', '1e9', '.5', '366']) {
		t.regex(faultsOf({WEBHOOK_DISABLE_AFTER_DAYS: days}), /WEBHOOK_DISABLE_AFTER_DAYS must be/, days);
	}
});

test('all faults are named at once', (t) => {
	const message = faultsOf({
		PORT: '99999',
		AMQP_URL: 'http://x',
		ENCRYPTION_KEY: 'short',
		BOOTSTRAP_TOKEN: 'wh_1',
		ROLES: 'gateway,typo',
	});
	for (const name of ['5 faults', 'PORT', 'AMQP_URL', 'ENCRYPTION_KEY', 'BOOTSTRAP_TOKEN', 'ROLES']) {
		t.true(message.includes(name), `${name} in ${message}`);
	}
});

test('a shared store needs the same secrets on every host', (t) => {
	t.regex(faultsOf({MONGODB_URL: 'mongodb://localhost/x'}), /needs ENCRYPTION_KEY and INGESTION_SECRET/);
	t.is(faultsOf({MONGODB_URL: 'mongodb://localhost/x', ENCRYPTION_KEY: KEY, INGESTION_SECRET: KEY}), '');
});

test('the URL of a replica set, with several hosts, is taken and logged without its password', (t) => {
	const url = 'mongodb://user:p%40ss@one:27017,two:27017,three/wahooks?replicaSet=rs0';
	const config = loadConfig({MONGODB_URL: url, ENCRYPTION_KEY: KEY, INGESTION_SECRET: KEY});
	t.is(config.mongodbUrl, url);
	t.is(describeConfig(config)['mongodbUrl'], 'mongodb://one:27017,two:27017,three/wahooks?replicaSet=rs0');
	for (const wrong of ['mongo://one', 'mongodb://', 'mongodb://user:p/ss@one/x', 'mongodb://user:p@ss@one/x']) {
		t.regex(faultsOf({MONGODB_URL: wrong}), /MONGODB_URL must be a URL like mongodb:\/\//, wrong);
	}
});

test('a subset of roles says which shared services it lacks', (t) => {
	const message = faultsOf({}, 'gateway');
	for (const name of ['AMQP_URL', 'MONGODB_URL', 'WAHA_WORKERS', 'REDIS_URL']) {
		t.true(message.includes(name), message);
	}
	const shared = {
		AMQP_URL: 'amqp://localhost',
		MONGODB_URL: 'mongodb://localhost/x',
		ENCRYPTION_KEY: KEY,
		INGESTION_SECRET: KEY,
		WAHA_WORKERS: 'http://w:key@localhost:3000',
	};
	t.is(faultsOf(shared, 'webhook,log'), '');
	t.regex(faultsOf(shared, 'gateway'), /REDIS_URL/);
});

test('media files are kept beside the data for 30 days, up to 200 MB each', (t) => {
	t.like(loadConfig({}), {mediaDir: 'data/media', mediaMaxFileBytes: 200 * 1024 * 1024, mediaRetentionDays: 30});
	t.is(loadConfig({DATA_DIR: '/var/lib/wahooks'}).mediaDir, '/var/lib/wahooks/media');
	t.like(loadConfig({MEDIA_DIR: '/mnt/media', MEDIA_MAX_FILE_MB: '1', MEDIA_RETENTION_DAYS: '7'}), {
		mediaDir: '/mnt/media',
		mediaMaxFileBytes: 1024 * 1024,
		mediaRetentionDays: 7,
	});
	t.regex(faultsOf({MEDIA_MAX_FILE_MB: '0', MEDIA_RETENTION_DAYS: '1.5'}), /MEDIA_MAX_FILE_MB.*MEDIA_RETENTION_DAYS/);
});

test('a client of the live stream may have 1 MiB outstanding, and a user 100 clients, unless the operator says otherwise', (t) => {
	t.deepEqual(loadConfig({}).stream, {maxBufferedBytes: 1024 * 1024, maxSocketsPerUser: 100});
	t.deepEqual(loadConfig({STREAM_MAX_BUFFER_KB: '256', STREAM_MAX_SOCKETS_PER_USER: '7'}).stream, {
		maxBufferedBytes: 256 * 1024,
		maxSocketsPerUser: 7,
	});
	t.regex(faultsOf({STREAM_MAX_BUFFER_KB: '1', STREAM_MAX_SOCKETS_PER_USER: '0'}), /BUFFER_KB.*SOCKETS_PER_USER/);
});

test('processes that share media files are told to name the folder, others are not', (t) => {
	const shared = {
		AMQP_URL: 'amqp://localhost',
		MONGODB_URL: 'mongodb://localhost/x',
		REDIS_URL: 'redis://localhost',
		ENCRYPTION_KEY: KEY,
		INGESTION_SECRET: KEY,
		WAHA_WORKERS: 'http://w:key@localhost:3000',
	};
	for (const roles of ['gateway', 'media', 'command,log', 'gateway,media']) {
		t.regex(faultsOf(shared, roles), /needs MEDIA_DIR: gateway, command, media share one folder of files/, roles);
		t.is(faultsOf({...shared, MEDIA_DIR: '/mnt/media'}, roles), '');
	}
	for (const roles of ['webhook,log', 'supervisor', 'gateway,command,media,websocket'])
		t.is(faultsOf(shared, roles), '');
});

test('workers are read from URLs with name, key, capacity and engine', (t) => {
	const {workers} = loadConfig({
		WAHA_WORKERS: 'http://one:k%231@waha-1:3000?capacity=5&engine=noweb, http://waha-2:3000/',
		WAHA_API_KEY: 'shared',
	});
	t.deepEqual(
		[...workers],
		[
			{name: 'one', url: 'http://waha-1:3000', apiKey: 'k#1', engine: 'NOWEB', capacity: 5},
			{name: 'waha-2:3000', url: 'http://waha-2:3000', apiKey: 'shared', engine: 'GOWS', capacity: 50},
		],
	);
});

test('workers without a key, with a strange engine or with one name are refused', (t) => {
	t.regex(faultsOf({WAHA_WORKERS: 'http://waha:3000'}), /no API key/);
	t.regex(faultsOf({WAHA_WORKERS: 'http://a:k@waha:3000?engine=X'}), /engine X/);
	t.regex(faultsOf({WAHA_WORKERS: 'http://a:k@one:3000,http://a:k@two:3000'}), /two workers of one name/);
	t.regex(faultsOf({WAHA_WORKERS: 'waha'}), /must be a URL/);
	for (const url of ['http://n:%zz@waha:3000', 'http://%zz:k@waha:3000', 'http://n:%ff@waha:3000']) {
		t.regex(faultsOf({WAHA_WORKERS: url, WAHA_API_KEY: 'k'}), /^The .* 1 fault: WAHA_WORKERS\[0\] .* write %25/, url);
	}
});

test('the effective configuration shows no secret', (t) => {
	const config = loadConfig({
		AMQP_URL: 'amqp://user:pass-1@localhost',
		MONGODB_URL: 'mongodb://user:pass-2@localhost/x',
		REDIS_URL: 'redis://:pass-3@localhost',
		ENCRYPTION_KEY: `${KEY}-1`,
		INGESTION_SECRET: `${KEY}-2`,
		BOOTSTRAP_TOKEN: `wh_${'a'.repeat(48)}`,
		WAHA_WORKERS: 'http://w:pass-4@localhost:3000',
	});
	const shown = JSON.stringify(describeConfig(config));
	for (const secret of ['pass-1', 'pass-2', 'pass-3', 'pass-4', KEY, 'aaaa']) {
		t.false(shown.includes(secret), secret);
	}
	t.true(shown.includes('"encryptionKey":"set"'));
});

test('sign-in is off without its variables, and takes all three of them', (t) => {
	t.is(loadConfig({}).signIn, undefined);
	const all = {JWKS_URL: 'https://id.example/jwks', JWT_ISSUER: 'https://id.example', JWT_AUDIENCE: 'gateway'};
	t.deepEqual(loadConfig(all).signIn, {
		jwksUrl: 'https://id.example/jwks',
		issuer: 'https://id.example',
		audience: 'gateway',
	});
	for (const name of ['JWKS_URL', 'JWT_ISSUER', 'JWT_AUDIENCE'] as const) {
		const {[name]: _, ...rest} = all;
		t.regex(faultsOf(rest), new RegExp(`1 fault: ${name} must be set, too`));
		t.regex(faultsOf({[name]: all[name]}), /1 fault: \w+ and \w+ must be set, too/);
		t.regex(faultsOf({...all, [name]: ''}), new RegExp(`${name} must be set, too`));
	}
	t.regex(faultsOf({...all, JWKS_URL: 'id.example'}), /JWKS_URL must be a URL/);
});

test("SUPABASE_URL stands for the three places of Supabase's sign-in, and each can be named instead", (t) => {
	for (const url of ['https://x.supabase.co', 'https://x.supabase.co/']) {
		t.deepEqual(loadConfig({SUPABASE_URL: url}).signIn, {
			jwksUrl: 'https://x.supabase.co/auth/v1/.well-known/jwks.json',
			issuer: 'https://x.supabase.co/auth/v1',
			audience: 'authenticated',
		});
	}
	t.like(loadConfig({SUPABASE_URL: 'https://x.supabase.co', JWT_AUDIENCE: 'gateway'}).signIn, {audience: 'gateway'});
	t.regex(faultsOf({SUPABASE_URL: 'x.supabase.co'}), /SUPABASE_URL must be a URL/);
});

test('what is planned and not built is refused instead of ignored', (t) => {
	t.regex(faultsOf({S3_ENDPOINT: 'http://s3'}), /S3_ENDPOINT is not supported yet/);
});

test('webhooks and files reach this machine only where nobody but this machine reaches the gateway', (t) => {
	const rangesOf = (env: NodeJS.ProcessEnv): readonly string[] => loadConfig(env).webhookAllowCidrs;
	for (const env of [{}, {HOST: '::1'}, {PUBLIC_URL: 'http://[::1]:80'}, {PUBLIC_URL: 'http://localhost/wa'}]) {
		t.deepEqual(rangesOf(env), ['127.0.0.0/8', '::1/128'], JSON.stringify(env));
	}
	for (const env of [{HOST: '0.0.0.0'}, {PUBLIC_URL: 'https://gateway.example'}]) {
		t.deepEqual(rangesOf(env), [], `${JSON.stringify(env)}: strangers come through a proxy`);
	}
});

test('billing is off without a key, and sells nothing without a price', (t) => {
	t.like(loadConfig({}).billing, {mode: 'off', stripe: undefined, maxSlots: 100, graceMs: 7 * 24 * 60 * 60_000});
	t.is(loadConfig({STRIPE_USD_PRICE_ID: 'price_1', STRIPE_WEBHOOK_SECRET: 'whsec_1'}).billing.mode, 'off');
	t.regex(
		faultsOf({STRIPE_SECRET_KEY: 'sk_1'}),
		/1 fault: STRIPE_SECRET_KEY needs STRIPE_USD_PRICE_ID or STRIPE_INR_PRICE_ID/,
	);
	const {billing} = loadConfig({
		STRIPE_SECRET_KEY: 'sk_1',
		STRIPE_INR_PRICE_ID: 'price_2',
		STRIPE_WEBHOOK_SECRET: 'whsec_1',
		PUBLIC_URL: 'https://api.example/',
		MAX_SLOTS: '7',
		BILLING_GRACE_DAYS: '0',
	});
	t.deepEqual(billing, {
		mode: 'provider',
		stripe: {secretKey: 'sk_1', webhookSecret: 'whsec_1', prices: {inr: 'price_2'}, apiUrl: undefined},
		frontendUrl: 'https://api.example',
		maxSlots: 7,
		graceMs: 0,
	});
});

test('BILLING has the last word on how connections are limited', (t) => {
	const stripe = {STRIPE_SECRET_KEY: 'sk_1', STRIPE_USD_PRICE_ID: 'price_1'};
	t.like(loadConfig({...stripe, BILLING: 'manual'}).billing, {mode: 'manual', stripe: undefined});
	t.like(loadConfig({...stripe, BILLING: 'off'}).billing, {mode: 'off', stripe: undefined});
	t.is(loadConfig({...stripe, BILLING: 'stripe'}).billing.mode, 'provider');
	t.is(loadConfig({BILLING: 'manual'}).billing.mode, 'manual');
	t.regex(faultsOf({BILLING: 'stripe'}), /BILLING=stripe needs STRIPE_SECRET_KEY/);
	t.regex(faultsOf({BILLING: 'paypal'}), /BILLING must be off, manual or stripe/);
	t.regex(faultsOf({STRIPE_API_URL: 'stripe', MAX_SLOTS: '0'}), /2 faults: STRIPE_API_URL must be a URL.*MAX_SLOTS/);
});

test('the effective configuration shows no key of billing', (t) => {
	const config = loadConfig({
		STRIPE_SECRET_KEY: 'sk_hidden',
		STRIPE_USD_PRICE_ID: 'price_1',
		STRIPE_WEBHOOK_SECRET: 'whsec_hidden',
	});
	const shown = JSON.stringify(describeConfig(config));
	t.notRegex(shown, /hidden/);
	t.regex(shown, /"secretKey":"set","webhookSecret":"set","prices":\{"usd":"price_1"\}/);
});
