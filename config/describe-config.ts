import type {Config} from './env.ts';

/** The effective configuration for the log: secrets as set or unset, passwords out of URLs. */
export function describeConfig(config: Config): Record<string, unknown> {
	const isSet = (value: string | undefined): string => (value === undefined ? 'unset' : 'set');
	return {
		...config,
		amqpUrl: withoutCredentials(config.amqpUrl),
		mongodbUrl: withoutCredentials(config.mongodbUrl),
		redisUrl: withoutCredentials(config.redisUrl),
		workers: config.workers.map(
			({name, url: workerUrl, engine, capacity}) => `${name} ${workerUrl} ${engine} capacity=${capacity}`,
		),
		billing: {
			...config.billing,
			stripe: config.billing.stripe && {
				...config.billing.stripe,
				secretKey: isSet(config.billing.stripe.secretKey),
				webhookSecret: isSet(config.billing.stripe.webhookSecret),
			},
		},
		encryptionKey: isSet(config.encryptionKey),
		ingestionSecret: isSet(config.ingestionSecret),
		bootstrapToken: isSet(config.bootstrapToken),
	};
}

function withoutCredentials(value: string | undefined): string {
	if (value === undefined) {
		return 'unset (embedded)';
	}
	// Not by `URL`: it takes one host only.
	return value.replace(/^([\w+]+:\/\/)[^/?#]*@/, '$1');
}
