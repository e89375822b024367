import {SimulatorEngine} from '../../adapters/simulator/simulator-engine.ts';
import {TOKENS} from '../../config/tokens.ts';
import type {Connection} from '../../domain/connections/connection.ts';
import type {UpstreamEvent} from '../../domain/events/upstream-event.ts';
import type {CommandRecord} from '../../domain/messaging/command.ts';
import type {SendOptions, SendOutcome} from '../../domain/messaging/messaging.ts';
import {DispatchHarness} from './dispatch-harness.ts';
import {eventually} from './eventually.ts';
import {GatedEngine, type GatedCall} from './gated-engine.ts';
import {ManualClock} from './manual-clock.ts';
import {MemoryEngineState} from './memory-engine-state.ts';
import {RecordingLogger} from './recording-logger.ts';
import {sampleCommand} from './samples.ts';

const WORKER = {id: 'worker-1', name: 'w1', kind: 'simulator', engine: 'NOWEB', capacity: 100} as const;

export const CHAT = '15550001111@c.us';

/** The command dispatcher over a simulated phone that is linked, with a gate before every send. */
export class CommandFixture implements AsyncDisposable {
	readonly harness: DispatchHarness;
	readonly gate: GatedEngine;
	readonly connection: Connection;
	readonly #simulator: SimulatorEngine;
	/** What the engine reported: one `message.any` for each message that went out. */
	readonly #events: UpstreamEvent[];

	private constructor(parts: {
		harness: DispatchHarness;
		gate: GatedEngine;
		connection: Connection;
		simulator: SimulatorEngine;
		events: UpstreamEvent[];
	}) {
		this.harness = parts.harness;
		this.gate = parts.gate;
		this.connection = parts.connection;
		this.#simulator = parts.simulator;
		this.#events = parts.events;
	}

	static async create(): Promise<CommandFixture> {
		// A clock of its own: what the phone does takes no part in the test's time.
		const clock = new ManualClock();
		const events: UpstreamEvent[] = [];
		const simulator = new SimulatorEngine({
			clock,
			state: new MemoryEngineState(),
			log: new RecordingLogger(),
			emit: (event) => {
				events.push(event);
				return Promise.resolve();
			},
		});
		const gate = new GatedEngine(simulator);
		const harness = await DispatchHarness.create({workers: [{worker: WORKER, engine: gate}]});
		const connection = await harness.createConnection({workerId: WORKER.id, status: 'connected'});
		await simulator.sessions.ensure(connection.sessionName, {callbackUrl: '', ingestionKey: ''});
		await clock.advance(1000);
		await simulator.scan(connection.sessionName);
		await harness.startRoles('command', 'log');
		return new CommandFixture({harness, gate, connection, simulator, events});
	}

	/** The texts that really went out. */
	get sent(): readonly unknown[] {
		return this.#events
			.filter(({event}) => event === 'message.any')
			.map(({payload}) => (payload as {body?: unknown}).body);
	}

	/** Sends as a route does. */
	send(text: string, chatId = CHAT, options: SendOptions = {}): Promise<SendOutcome> {
		const message = {chatId, content: {kind: 'text', text}} as const;
		return this.harness.container.resolve(TOKENS.messaging).send(this.connection, message, options);
	}

	/** Stores a command and publishes it, without anybody who waits for the answer. */
	async post(changes: Partial<CommandRecord> = {}): Promise<CommandRecord> {
		const {id: connectionId, userId} = this.connection;
		const record = sampleCommand({userId, connectionId, ...changes});
		await this.harness.stores.commandStore.create(record);
		await this.publish(record);
		return record;
	}

	async publish({id, userId, connectionId, chatId}: CommandRecord): Promise<void> {
		const message = {chatId, content: {kind: 'text', text: `text of ${id}`}} as const;
		await this.harness.publisher.command({kind: 'message.send', id, userId, connectionId, message});
	}

	/** The call number `index` that came to the gate. */
	call(index = 0): Promise<GatedCall> {
		return eventually(() => this.gate.calls[index] ?? false);
	}

	/** The stored command, once it has ended. */
	ended(id: string): Promise<CommandRecord> {
		return this.harness.until(async () => {
			const record = await this.harness.stores.commandStore.find(id);
			return record !== undefined && record.status !== 'queued' && record.status !== 'sending' && record;
		});
	}

	/** Nothing more is in hand or waits. */
	async settled(): Promise<void> {
		const {commands} = this.harness.topology.queues;
		await this.harness.until(() => commands.every((queue) => this.harness.queued(queue).length === 0));
	}

	async [Symbol.asyncDispose](): Promise<void> {
		for (const call of this.gate.calls) call.fail(new Error('the test is over'));
		await this.harness[Symbol.asyncDispose]();
		await this.#simulator[Symbol.asyncDispose]();
	}
}
