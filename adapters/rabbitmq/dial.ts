import {connect, type ChannelModel, type SocketOptions} from 'amqplib';
import {SetupError} from '../../domain/errors.ts';

/** For one try: TCP, TLS and AMQP handshakes. */
const DIAL_TIMEOUT_MS = 10_000;
/** A silent connection counts as lost after two to three of these. */
const HEARTBEAT_SECONDS = 10;

/**
 * Opens one connection. The `signal` destroys its socket, also later.
 * @throws {SetupError} the URL is no AMQP URL, or the server speaks no TLS, or refuses the user or the virtual host.
 */
export async function dial(url: string, name: string, signal: AbortSignal): Promise<ChannelModel> {
	const options: SocketOptions & {signal: AbortSignal} = {
		signal,
		noDelay: true,
		keepAlive: true,
		timeout: DIAL_TIMEOUT_MS,
		clientProperties: {connection_name: name},
	};
	try {
		return await connect(withHeartbeat(url), options);
	} catch (error) {
		throw explain(error, url);
	}
}

function withHeartbeat(url: string): string {
	const parsed = URL.parse(url);
	if (parsed === null || !['amqp:', 'amqps:'].includes(parsed.protocol) || parsed.hostname === '') {
		throw new SetupError('AMQP_URL is not of the form amqp://user:password@host:5672/vhost');
	}
	if (!parsed.searchParams.has('heartbeat')) {
		parsed.searchParams.set('heartbeat', String(HEARTBEAT_SECONDS));
	}
	return parsed.href;
}

/** amqplib gives refusals during the handshake no code: their text is all there is. */
function explain(error: unknown, url: string): unknown {
	if (error instanceof Error && 'code' in error && /^(ERR_SSL_|EPROTO$)/.test(String(error.code))) {
		return new SetupError(
			`RabbitMQ does not speak TLS at ${new URL(url).host}: write amqp:// in AMQP_URL, or the port for TLS (5671 as a rule)`,
			{cause: error},
		);
	}
	const text = error instanceof Error ? error.message : '';
	if (text.includes('ACCESS_REFUSED') || text.includes('ACCESS-REFUSED')) {
		return new SetupError(`RabbitMQ refuses the user or password of AMQP_URL (${new URL(url).host})`, {cause: error});
	}
	if (text.startsWith('Expected ConnectionOpenOk')) {
		return new SetupError(
			`RabbitMQ refuses the virtual host of AMQP_URL: create it (rabbitmqctl add_vhost) and let the user in (rabbitmqctl set_permissions)`,
			{cause: error},
		);
	}
	return error;
}
