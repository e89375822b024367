import {setTimeout as sleep} from 'node:timers/promises';
import type {ChannelModel} from 'amqplib';
import type {Topology} from '../../domain/broker/topology.ts';
import {BrokerUnavailableError, SetupError} from '../../domain/errors.ts';
import type {Logger} from '../../domain/ports/logger.ts';
import {checkServer} from './check-server.ts';
import {declareTopology} from './declare-topology.ts';
import {dial} from './dial.ts';
import {Lasting, type Opened} from './lasting.ts';
import {openChannel} from './open-channel.ts';
import {withinTimeout} from './within-timeout.ts';

/** Between two repairs that were not awaited: each is about a hundred round trips. */
const REPAIR_PAUSE_MS = 10_000;
/** Between two tries while the server has not answered yet. */
const FIRST_CONNECT_PAUSE_MS = 500;

export interface AmqpConnectionOptions {
	readonly url: string;
	/** Shown in RabbitMQ's list of connections and in the log. */
	readonly name: string;
	readonly topology: Topology;
	readonly log: Logger;
}

/** One connection to RabbitMQ that comes back by itself, with the topology declared before anybody uses it. */
export class AmqpConnection {
	readonly #options: AmqpConnectionOptions;
	readonly #lasting: Lasting<ChannelModel>;
	#alarm: string | undefined;
	#redeclaring: Promise<void> | undefined;
	#repairedAtMs = -Infinity;
	#lastLoss: string | undefined;

	constructor(options: AmqpConnectionOptions) {
		this.#options = options;
		this.#lasting = new Lasting({
			open: () => this.#open(),
			onLost: (error, pauseMs) => {
				// One line per outage and reason, not one per try.
				const level = String(error) === this.#lastLoss ? 'debug' : 'warn';
				options.log[level]({error, connection: options.name, pauseMs}, 'broker.connection.lost');
				this.#lastLoss = String(error);
			},
		});
	}

	/** The connection of this moment; undefined while it is away. */
	get current(): ChannelModel | undefined {
		return this.#lasting.current;
	}

	/** Why nothing can be published on it right now, although it may be connected: the server's memory or disk alarm. */
	get refusal(): string | undefined {
		return this.#alarm === undefined ? undefined : `it is ${this.#alarm} and takes no messages`;
	}

	/** Resolves when it is connected; rejects when it was closed. */
	whenOpen(): Promise<ChannelModel> {
		return this.#lasting.whenOpen();
	}

	/**
	 * Connects for the first time; call once. A server that does not answer is given `timeoutMs` to start.
	 * @throws {SetupError} it did not, or it answered with something that only an operator can mend.
	 */
	async connect(timeoutMs: number): Promise<void> {
		const deadline = performance.now() + timeoutMs;
		for (let isFirst = true; ; isFirst = false) {
			try {
				this.#lasting.start(await this.#open());
				return;
			} catch (error) {
				if (error instanceof SetupError) throw error;
				if (performance.now() > deadline) throw this.#noAnswer(error);
				const {name: connection, log} = this.#options;
				if (isFirst) log.warn({error, connection, patienceMs: timeoutMs}, 'broker.waiting');
				await sleep(FIRST_CONNECT_PAUSE_MS);
			}
		}
	}

	/** Declares the topology again, so that what somebody deleted comes back. Calls at the same time share one run. */
	redeclare(): Promise<void> {
		this.#redeclaring ??= this.whenOpen()
			.then((model) => this.#declare(model))
			.finally(() => {
				this.#redeclaring = undefined;
			});
		return this.#redeclaring;
	}

	/** As `redeclare`, in the background and not too often: for what may be a mistake of the caller just as well. */
	repair(): void {
		const nowMs = performance.now();
		if (nowMs - this.#repairedAtMs < REPAIR_PAUSE_MS) return;
		this.#repairedAtMs = nowMs;
		this.redeclare().catch((error: unknown) => {
			this.#options.log.warn({error, connection: this.#options.name}, 'broker.repair.failed');
		});
	}

	/** One round trip. @throws {BrokerUnavailableError} it is away or blocked, or `signal` aborts first. */
	async check(signal: AbortSignal): Promise<void> {
		const {current: model, refusal} = this;
		if (refusal !== undefined) throw new BrokerUnavailableError(refusal);
		if (model === undefined) throw new BrokerUnavailableError('it is not connected');
		const aborted = Promise.withResolvers<never>();
		const onAbort = (): void => {
			aborted.reject(new BrokerUnavailableError('it does not answer', {cause: signal.reason}));
		};
		signal.addEventListener('abort', onAbort, {once: true});
		if (signal.aborted) onAbort();
		try {
			await Promise.race([openChannel(model.createChannel()).then(({close}) => close()), aborted.promise]);
		} catch (error) {
			throw error instanceof BrokerUnavailableError
				? error
				: new BrokerUnavailableError('it is not connected', {cause: error});
		} finally {
			signal.removeEventListener('abort', onAbort);
		}
	}

	/** Closes it for good. */
	close(): Promise<void> {
		return this.#lasting.stop();
	}

	async #open(): Promise<Opened<ChannelModel>> {
		const {url, name, log} = this.#options;
		const socket = new AbortController();
		const model = await dial(url, name, socket.signal);
		const lost = this.#watch(model);
		// amqplib only half-closes a socket whose other side has fallen silent.
		void lost.then(() => {
			socket.abort();
		});
		const close = async (): Promise<void> => {
			// amqplib leaves the promise of `close` pending when the socket goes first.
			await withinTimeout(Promise.race([model.close(), lost]));
			socket.abort();
		};
		try {
			await checkServer(model);
			await this.#declare(model);
		} catch (error) {
			await close();
			throw error;
		}
		log.info({connection: name, version: model.connection.serverProperties.version}, 'broker.connected');
		this.#lastLoss = undefined;
		return {value: model, lost, close};
	}

	/** Follows what happens to a connection; resolves with the reason of its end. */
	#watch(model: ChannelModel): Promise<unknown> {
		const {name: connection, log} = this.#options;
		model.on('blocked', (alarm) => {
			this.#alarm = alarm;
			log.warn({connection, alarm}, 'broker.blocked');
		});
		model.on('unblocked', () => {
			this.#alarm = undefined;
			log.info({connection}, 'broker.unblocked');
		});
		return new Promise((resolve) => {
			let reason: unknown = new Error('the connection was closed');
			model.on('error', (error) => {
				reason = error;
			});
			model.once('close', (error) => {
				this.#alarm = undefined;
				resolve(error ?? reason);
			});
		});
	}

	async #declare(model: ChannelModel): Promise<void> {
		const {value: channel, close} = await openChannel(model.createChannel());
		try {
			await declareTopology(channel, this.#options.topology);
		} finally {
			await close();
		}
	}

	#noAnswer(error: unknown): SetupError {
		const {host} = new URL(this.#options.url);
		const reason = error instanceof Error ? error.message : String(error);
		return new SetupError(`No RabbitMQ answers at ${host} (${reason}): start it, or correct AMQP_URL`, {cause: error});
	}
}
