import {randomUUID} from 'node:crypto';
import {SimulatorEngine} from '../../adapters/simulator/simulator-engine.ts';
import {TOKENS} from '../../config/tokens.ts';
import type {Dispatcher} from '../../dispatchers/dispatcher.ts';
import type {Connection} from '../../domain/connections/connection.ts';
import type {UpstreamEvent} from '../../domain/events/upstream-event.ts';
import type {ChatCommand, CommandRecord, CommandReply, SendCommand} from '../../domain/messaging/command.ts';
import type {CommandOutcome} from '../../domain/messaging/command-outcome.ts';
import type {SendOptions} from '../../domain/messaging/messaging.ts';
import type {OutboundContent} from '../../domain/messaging/outbound.ts';
import {DispatchHarness} from './dispatch-harness.ts';
import {eventually} from './eventually.ts';
import {GatedEngine, type GatedCall} from './gated-engine.ts';
import {ManualClock} from './manual-clock.ts';
import {MemoryEngineState} from './memory-engine-state.ts';
import {RecordingLogger} from './recording-logger.ts';
import {sampleCommand} from './samples.ts';

const WORKER = {id: 'worker-1', name: 'w1', kind: 'simulator', engine: 'NOWEB', capacity: 100} as const;

export const CHAT = '15550001111@c.us';

type WithoutIds<T> = T extends unknown ? Omit<T, 'id' | 'userId' | 'connectionId'> : never;

/** The command dispatcher over a simulated phone that is linked, with a gate before every send. */
export class CommandFixture implements AsyncDisposable {
	readonly harness: DispatchHarness;
	readonly gate: GatedEngine;
	readonly connection: Connection;
	readonly #simulator: SimulatorEngine;
	/** What the engine reported: one `message.any` for each message that went out. */
	readonly #events: UpstreamEvent[];
	#dispatchers: readonly Dispatcher[] = [];

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
		await harness.startRoles('log');
		const fixture = new CommandFixture({harness, gate, connection, simulator, events});
		await fixture.start();
		return fixture;
	}

	/** Starts the command dispatchers, as another process would. */
	async start(): Promise<void> {
		this.#dispatchers = await this.harness.startRoles('command');
	}

	/** Stops them as a process does that ends in peace. */
	async stop(): Promise<void> {
		await Promise.all(this.#dispatchers.map((dispatcher) => dispatcher.stop()));
	}

	/** The texts that really went out. */
	get sent(): readonly unknown[] {
		return this.#events
			.filter(({event}) => event === 'message.any')
			.map(({payload}) => (payload as {body?: unknown}).body);
	}

	/** Sends as a route does, but without typing unless it is asked for. */
	send(text: string, chatId = CHAT, options: SendOptions = {}): Promise<CommandOutcome> {
		return this.sendContent({kind: 'text', text}, options, chatId);
	}

	sendContent(content: OutboundContent, options: SendOptions = {}, chatId = CHAT): Promise<CommandOutcome> {
		const messaging = this.harness.container.resolve(TOKENS.messaging);
		return messaging.send(this.connection, {chatId, content}, {humanlike: false, ...options});
	}

	/** Asks for a change in a chat and waits for the answer. */
	change(change: WithoutIds<ChatCommand>): Promise<CommandReply | undefined> {
		const {id: connectionId, userId} = this.connection;
		return this.harness.publisher.request({...change, id: randomUUID(), userId, connectionId}, 60_000);
	}

	/** Stores a command and publishes it, without anybody who waits for the answer. */
	async post(record: Partial<CommandRecord> = {}, command: Partial<SendCommand> = {}): Promise<CommandRecord> {
		const {id: connectionId, userId} = this.connection;
		const stored = sampleCommand({userId, connectionId, ...record});
		await this.harness.stores.commandStore.create(stored);
		await this.publish(stored, command);
		return stored;
	}

	/** Publishes the command of a row (again). */
	async publish({id, userId, connectionId, chatId}: CommandRecord, changes: Partial<SendCommand> = {}): Promise<void> {
		const message = {chatId, content: {kind: 'text', text: `text of ${id}`}} as const;
		const command = {kind: 'message.send', id, userId, connectionId, message, humanlike: false, ...changes};
		await this.harness.publisher.command(command as SendCommand);
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
