import {SimulatorEngine} from '../../adapters/simulator/simulator-engine.ts';
import {BrokerUnavailableError} from '../../domain/errors.ts';
import type {UpstreamEvent} from '../../domain/events/upstream-event.ts';
import type {OpenFile, OutboundContent, SendResult} from '../../domain/messaging/outbound.ts';
import type {SessionConfig} from '../../domain/ports/whatsapp-engine.ts';
import {ManualClock} from './manual-clock.ts';
import {MemoryEngineState} from './memory-engine-state.ts';
import {RecordingLogger} from './recording-logger.ts';

/** Round figures, so that tests can say when what must have happened. */
export const START_MS = 1000;
export const ACK_DELAYS = {serverMs: 100, deviceMs: 200, readMs: 500} as const;

export const ECHO = '15550108888@c.us';
const CONFIG: SessionConfig = {callbackUrl: '', ingestionKey: ''};

/** A simulator on a clock that is wound by hand, with everything it reports. */
export class SimulatorBench implements AsyncDisposable {
	readonly clock: ManualClock;
	readonly state: MemoryEngineState;
	readonly log = new RecordingLogger();
	readonly events: UpstreamEvent[] = [];
	readonly engine: SimulatorEngine;
	/** While true, the broker takes no event. */
	brokerAway = false;
	#killed = false;

	constructor({clock = new ManualClock(), state = new MemoryEngineState(), seed = 'a seed'} = {}) {
		this.clock = clock;
		this.state = state;
		this.engine = new SimulatorEngine({
			clock: {
				now: () => clock.now(),
				after: (delayMs, callback) =>
					clock.after(delayMs, () => {
						if (!this.#killed) callback();
					}),
			},
			state,
			seed,
			log: this.log,
			startMs: START_MS,
			ackDelays: ACK_DELAYS,
			echo: [ECHO],
			emit: async (event) => {
				await Promise.resolve();
				if (this.brokerAway) throw new BrokerUnavailableError('switched off by the test');
				this.events.push(event);
			},
		});
	}

	/** Kills this process and starts the next one in the same world: what is not in the store is forgotten. */
	reborn(): SimulatorBench {
		this.#killed = true;
		return new SimulatorBench({clock: this.clock, state: this.state});
	}

	/** A session that shows its first QR code. */
	async open(session: string): Promise<void> {
		await this.engine.sessions.ensure(session, CONFIG);
		await this.clock.advance(START_MS);
	}

	/** A session that is WORKING. */
	async link(session: string): Promise<void> {
		await this.open(session);
		await this.engine.scan(session);
		await this.clock.advance(0);
	}

	send(
		session: string,
		chatId: string,
		{text = 'Hi there!', key = '3EB0F00D5DF33062A501', replyTo = ''} = {},
	): Promise<SendResult> {
		const message = {chatId, content: {kind: 'text', text} as const, ...(replyTo !== '' && {replyTo})};
		return this.engine.messages.send(session, message, key, AbortSignal.timeout(10_000));
	}

	sendContent(
		session: string,
		chatId: string,
		content: OutboundContent<OpenFile>,
		key = '3EB0F00D5DF33062A501',
		mentions: readonly string[] = [],
	): Promise<SendResult> {
		return this.engine.messages.send(session, {chatId, content, mentions}, key, AbortSignal.timeout(10_000));
	}

	async statusOf(session: string): Promise<string | undefined> {
		return (await this.engine.sessions.find(session))?.status;
	}

	/** The payloads that were reported under a name, in order of arrival. */
	payloads(name: string): Readonly<Record<string, unknown>>[] {
		return this.events.filter(({event}) => event === name).map(({payload}) => payload as Record<string, unknown>);
	}

	/** The statuses that were reported. */
	get statuses(): unknown[] {
		return this.payloads('session.status').map(({status}) => status);
	}

	/** The acknowledgements that were reported, as `<ack> <name>`. */
	get acks(): string[] {
		return this.payloads('message.ack').map(({ack, ackName}) => `${String(ack)} ${String(ackName)}`);
	}

	async [Symbol.asyncDispose](): Promise<void> {
		await this.engine[Symbol.asyncDispose]();
	}
}
