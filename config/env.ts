import {join} from 'node:path';
import {z} from 'zod';
import {SetupError} from '../domain/errors.ts';
import {LONGEST_TIMEOUT_MS} from '../domain/webhooks/webhook.ts';
import type {RateLimits} from '../gateway/http/rate-limit.ts';
import {billingFaults, toBillingSettings, type BillingSettings} from './billing-settings.ts';
import type {EventStreamSettings} from '../gateway/ws/event-stream.ts';
import {parseSignIn, type SignInSettings} from './sign-in.ts';
import {parseWorkers, type WorkerSettings} from './workers.ts';

/** What one process can be; scaled by the queue each works on. */
export const ROLES = ['gateway', 'webhook', 'websocket', 'log', 'command', 'media', 'supervisor'] as const;
export type Role = (typeof ROLES)[number];

const LOOPBACK = ['127.0.0.0/8', '::1/128'];

/** They write and read media files. */
const MEDIA_ROLES = ['gateway', 'command', 'media'] as const satisfies readonly Role[];

/** Everything an operator can set. Absent optional values choose the embedded twin of what they would name. */
export interface Config {
	readonly roles: readonly Role[];
	readonly host: string;
	readonly port: number;
	/** Where tenants reach us, without a trailing slash. */
	readonly publicUrl: string;
	/** Where workers reach us, without a trailing slash. */
	readonly callbackUrl: string;
	readonly dataDir: string;
	readonly amqpUrl: string | undefined;
	readonly mongodbUrl: string | undefined;
	readonly redisUrl: string | undefined;
	readonly workers: readonly WorkerSettings[];
	/** Undefined = generated into `dataDir`. */
	readonly encryptionKey: string | undefined;
	/** The key that the store was written with is gone: it takes the present one as its own. */
	readonly encryptionKeyLost: boolean;
	/** Undefined = generated into `dataDir`. */
	readonly ingestionSecret: string | undefined;
	readonly bootstrapToken: string | undefined;
	/** The identity provider whose JWTs are taken; undefined = API tokens only. */
	readonly signIn: SignInSettings | undefined;
	readonly logLevel: 'debug' | 'info' | 'warn' | 'error';
	readonly logFormat: 'json' | 'pretty';
	readonly rateLimits: RateLimits;
	/** Express's `trust proxy`: how many proxies stand in front. */
	readonly trustProxy: number;
	/** Address ranges that webhooks may reach although they are private. */
	readonly webhookAllowCidrs: readonly string[];
	readonly webhookTimeoutMs: number;
	/** A webhook with nothing but failures for as long is switched off; 0 = never. */
	readonly webhookDisableAfterMs: number;
	/** As many can be a connection's, and as many an account's. */
	readonly maxWebhooksPerConnection: number;
	/** How long events and deliveries are kept. */
	readonly retentionDays: number;
	/** The folder of media files. Processes with the roles gateway, command and media share it. */
	readonly mediaDir: string;
	/** Larger files are neither kept nor sent. */
	readonly mediaMaxFileBytes: number;
	readonly mediaRetentionDays: number;
	/** How connections are limited; by default not at all. */
	readonly billing: BillingSettings;
	readonly stream: Required<EventStreamSettings>;
	readonly simulatorSeed: string | undefined;
	/** Starts the names of everything on the broker and in Redis, so that deployments can share them. */
	readonly namespace: string;
}

const url = (...schemes: readonly string[]): z.ZodType<string> =>
	z
		.string()
		.refine(
			(value) => URL.canParse(value) && schemes.includes(new URL(value).protocol.replace(':', '')),
			`must be a URL that starts with ${schemes.map((scheme) => `${scheme}://`).join(' or ')}`,
		);

/** A replica set's URL names several hosts (`mongodb://a:27017,b:27017/name`), which `URL` does not take: the driver judges the rest. */
const mongodbUrl = z
	.string()
	.regex(
		/^mongodb(\+srv)?:\/\/([^\s/?#@]+@)?[^\s/?#@]+([/?][^\s@]*)?$/,
		'must be a URL like mongodb://user:password@host:27017/database, with / ? # @ in the password percent-encoded',
	);

const integer = (minimum: number, maximum: number): z.ZodType<number> =>
	z
		.string()
		.regex(/^\d+$/, 'must be a whole number')
		.transform(Number)
		.pipe(z.number().min(minimum, `must be at least ${minimum}`).max(maximum, `must be at most ${maximum}`));

const DAY_MS = 24 * 60 * 60_000;

/** Also parts of a day. */
const days = z
	.string()
	.regex(/^\d+(\.\d+)?$/, 'must be a number of days, such as 5 or 0.5')
	.transform(Number)
	.pipe(z.number().max(365, 'must be at most 365'));

const requestsPerMinute = integer(1, 1_000_000);

const list = z.string().transform((value) =>
	value
		.split(',')
		.map((item) => item.trim())
		.filter((item) => item !== ''),
);

const secret = z.string().min(16, 'must have at least 16 characters (openssl rand -hex 32 makes one)');

const SCHEMA = z.object({
	ROLES: list.pipe(z.array(z.enum(ROLES, `must be a comma-separated list of ${ROLES.join(', ')}`))).optional(),
	HOST: z.string().default('127.0.0.1'),
	PORT: integer(0, 65_535).default(3001),
	PUBLIC_URL: url('http', 'https').optional(),
	DATA_DIR: z.string().default('data'),
	AMQP_URL: url('amqp', 'amqps').optional(),
	MONGODB_URL: mongodbUrl.optional(),
	REDIS_URL: url('redis', 'rediss').optional(),
	WAHA_WORKERS: z.string().optional(),
	WAHA_API_KEY: z.string().optional(),
	WAHA_CALLBACK_URL: url('http', 'https').optional(),
	ENCRYPTION_KEY: secret.optional(),
	ENCRYPTION_KEY_LOST: z.enum(['yes', 'no'], 'must be yes or no').default('no'),
	INGESTION_SECRET: secret.optional(),
	BOOTSTRAP_TOKEN: z
		.string()
		.regex(/^wh_[0-9a-f]{48}$/, 'must be wh_ and 48 hexadecimal digits (echo "wh_$(openssl rand -hex 24)" makes one)')
		.optional(),
	JWKS_URL: url('http', 'https').optional(),
	JWT_ISSUER: z.string().optional(),
	JWT_AUDIENCE: z.string().optional(),
	SUPABASE_URL: url('http', 'https').optional(),
	LOG_LEVEL: z.enum(['debug', 'info', 'warn', 'error']).default('info'),
	LOG_FORMAT: z.enum(['json', 'pretty']).optional(),
	RATE_LIMIT_PER_MINUTE: requestsPerMinute.default(60),
	RATE_LIMIT_READ_PER_MINUTE: requestsPerMinute.optional(),
	RATE_LIMIT_SEND_PER_MINUTE: requestsPerMinute.optional(),
	RATE_LIMIT_MANAGE_PER_MINUTE: requestsPerMinute.optional(),
	TRUST_PROXY: integer(0, 10).default(0),
	WEBHOOK_ALLOW_CIDRS: list.optional(),
	WEBHOOK_TIMEOUT_SECONDS: integer(1, LONGEST_TIMEOUT_MS / 1000).default(15),
	WEBHOOK_DISABLE_AFTER_DAYS: days.default(5),
	MAX_WEBHOOKS_PER_CONNECTION: integer(1, 10_000).default(100),
	RETENTION_DAYS: integer(1, 3650).default(30),
	MEDIA_DIR: z.string().optional(),
	MEDIA_MAX_FILE_MB: integer(1, 10_000).default(200),
	MEDIA_RETENTION_DAYS: integer(1, 3650).default(30),
	BILLING: z.enum(['off', 'manual', 'stripe'], 'must be off, manual or stripe').optional(),
	STRIPE_SECRET_KEY: z.string().optional(),
	STRIPE_WEBHOOK_SECRET: z.string().optional(),
	STRIPE_USD_PRICE_ID: z.string().optional(),
	STRIPE_INR_PRICE_ID: z.string().optional(),
	STRIPE_API_URL: url('http', 'https').optional(),
	FRONTEND_URL: url('http', 'https').optional(),
	MAX_SLOTS: integer(1, 100_000).default(100),
	BILLING_GRACE_DAYS: integer(0, 90).default(7),
	STREAM_MAX_BUFFER_KB: integer(64, 1024 * 1024).default(1024),
	STREAM_MAX_SOCKETS_PER_USER: integer(1, 100_000).default(100),
	SIMULATOR_SEED: z.string().optional(),
	NAMESPACE: z
		.string()
		.regex(/^[a-z0-9-]{1,40}$/, 'must be 1 to 40 of a-z, 0-9 and -')
		.default('wahooks'),
});

type Values = z.infer<typeof SCHEMA>;

/** Named in the design and not built yet: setting one must not be ignored in silence. */
const NOT_YET = ['S3_ENDPOINT'];

/**
 * Reads the configuration from environment variables. Empty ones count as absent.
 * @param roles what the command line asks for; overrides `ROLES`
 * @param isTerminal whether a person reads the log
 * @throws {SetupError} names every fault at once
 */
export function loadConfig(env: NodeJS.ProcessEnv, roles?: string, isTerminal = false): Config {
	const present = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== undefined && value !== ''));
	const parsed = SCHEMA.safeParse(roles === undefined ? present : {...present, ROLES: roles});
	const faults = parsed.error?.issues.map((issue) => `${issue.path[0]?.toString() ?? ''} ${issue.message}`) ?? [];
	faults.push(
		...NOT_YET.filter((name) => present[name] !== undefined).map((name) => `${name} is not supported yet: remove it`),
	);
	const workers = parseWorkers(present['WAHA_WORKERS'], present['WAHA_API_KEY'], faults);
	const signIn = parseSignIn(present, faults);
	if (parsed.data !== undefined) {
		faults.push(...combinationFaults(parsed.data, workers), ...billingFaults(parsed.data));
	}
	if (parsed.data === undefined || faults.length > 0) {
		throw new SetupError(
			`The configuration has ${faults.length} fault${faults.length === 1 ? '' : 's'}: ${faults.join('; ')}`,
		);
	}
	return toConfig(parsed.data, {workers, signIn, isTerminal});
}

/** What each value allows alone, but not together. */
function combinationFaults(values: Values, workers: readonly WorkerSettings[]): readonly string[] {
	const faults: string[] = [];
	const roles = values.ROLES ?? ROLES;
	if (roles.length === 0) {
		faults.push(`ROLES must name at least one of ${ROLES.join(', ')}`);
	}
	if (
		values.MONGODB_URL !== undefined &&
		(values.ENCRYPTION_KEY === undefined || values.INGESTION_SECRET === undefined)
	) {
		faults.push(
			'MONGODB_URL needs ENCRYPTION_KEY and INGESTION_SECRET, so that every host has the same (openssl rand -hex 32 makes one)',
		);
	}
	const isSubset = ROLES.some((role) => !roles.includes(role));
	if (!isSubset) {
		return faults;
	}
	const needs = (missing: boolean, what: string, why: string): void => {
		if (missing) faults.push(`ROLES=${roles.join(',')} needs ${what}: ${why}`);
	};
	needs(values.AMQP_URL === undefined, 'AMQP_URL', 'the embedded broker serves one process only');
	needs(values.MONGODB_URL === undefined, 'MONGODB_URL', 'the embedded store serves one process only');
	needs(workers.length === 0, 'WAHA_WORKERS', 'the simulator runs inside one process that has all roles');
	const apart = roles.includes('gateway') !== roles.includes('websocket');
	needs(apart && values.REDIS_URL === undefined, 'REDIS_URL', 'gateway and websocket dispatcher are apart');
	const withMedia = MEDIA_ROLES.filter((role) => roles.includes(role)).length;
	const mediaApart = withMedia > 0 && withMedia < MEDIA_ROLES.length;
	needs(
		mediaApart && values.MEDIA_DIR === undefined,
		'MEDIA_DIR',
		`${MEDIA_ROLES.join(', ')} share one folder of files`,
	);
	return faults;
}

function toConfig(
	values: Values,
	{workers, signIn, isTerminal}: Pick<Config, 'workers' | 'signIn'> & {readonly isTerminal: boolean},
): Config {
	const host = values.HOST.includes(':') ? `[${values.HOST}]` : values.HOST;
	const shownHost = ['0.0.0.0', '[::]'].includes(host) ? 'localhost' : host;
	const publicUrl = withoutTrailingSlash(values.PUBLIC_URL ?? `http://${shownHost}:${values.PORT}`);
	return {
		roles: values.ROLES ?? ROLES,
		host: values.HOST,
		port: values.PORT,
		publicUrl,
		callbackUrl: withoutTrailingSlash(values.WAHA_CALLBACK_URL ?? publicUrl),
		dataDir: values.DATA_DIR,
		amqpUrl: values.AMQP_URL,
		mongodbUrl: values.MONGODB_URL,
		redisUrl: values.REDIS_URL,
		workers,
		encryptionKey: values.ENCRYPTION_KEY,
		encryptionKeyLost: values.ENCRYPTION_KEY_LOST === 'yes',
		ingestionSecret: values.INGESTION_SECRET,
		bootstrapToken: values.BOOTSTRAP_TOKEN,
		signIn,
		logLevel: values.LOG_LEVEL,
		logFormat: values.LOG_FORMAT ?? (isTerminal ? 'pretty' : 'json'),
		rateLimits: {
			read: values.RATE_LIMIT_READ_PER_MINUTE ?? values.RATE_LIMIT_PER_MINUTE,
			send: values.RATE_LIMIT_SEND_PER_MINUTE ?? values.RATE_LIMIT_PER_MINUTE,
			manage: values.RATE_LIMIT_MANAGE_PER_MINUTE ?? values.RATE_LIMIT_PER_MINUTE,
			unauthenticated: values.RATE_LIMIT_PER_MINUTE,
		},
		trustProxy: values.TRUST_PROXY,
		webhookAllowCidrs: values.WEBHOOK_ALLOW_CIDRS ?? (isForThisMachine(values.HOST, publicUrl) ? LOOPBACK : []),
		webhookTimeoutMs: values.WEBHOOK_TIMEOUT_SECONDS * 1000,
		webhookDisableAfterMs: values.WEBHOOK_DISABLE_AFTER_DAYS * DAY_MS,
		maxWebhooksPerConnection: values.MAX_WEBHOOKS_PER_CONNECTION,
		retentionDays: values.RETENTION_DAYS,
		mediaDir: values.MEDIA_DIR ?? join(values.DATA_DIR, 'media'),
		mediaMaxFileBytes: values.MEDIA_MAX_FILE_MB * 1024 * 1024,
		mediaRetentionDays: values.MEDIA_RETENTION_DAYS,
		billing: toBillingSettings(values, publicUrl),
		stream: {
			maxBufferedBytes: values.STREAM_MAX_BUFFER_KB * 1024,
			maxSocketsPerUser: values.STREAM_MAX_SOCKETS_PER_USER,
		},
		simulatorSeed: values.SIMULATOR_SEED,
		namespace: values.NAMESPACE,
	};
}

function withoutTrailingSlash(value: string): string {
	return value.replace(/\/+$/, '');
}

/** Behind a proxy that strangers reach, what listens on this machine is none of theirs. */
function isForThisMachine(host: string, publicUrl: string): boolean {
	return isLoopback(host) && isLoopback(new URL(publicUrl).hostname);
}

function isLoopback(host: string): boolean {
	return host === 'localhost' || host === '::1' || host === '[::1]' || host.startsWith('127.');
}
