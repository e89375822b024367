import {randomUUID} from 'node:crypto';
import test from 'ava';
import {SqliteBroker} from '../../adapters/sqlite/sqlite-broker.ts';
import {BROKER_MIGRATIONS} from '../../adapters/sqlite/broker-schema.ts';
import {SqliteDatabase} from '../../adapters/sqlite/database.ts';
import {SystemClock} from '../../adapters/system/system-clock.ts';
import {createTopology} from '../../config/topology.ts';
import {ControlBus} from '../../domain/broker/control-bus.ts';
import type {Change} from '../../domain/broker/messages.ts';
import {Publisher} from '../../domain/broker/publisher.ts';
import {eventually} from '../support/eventually.ts';
import {FaultyBroker} from '../support/faulty-broker.ts';
import {RecordingLogger} from '../support/recording-logger.ts';

/** A control bus, and what reached its listener. */
class Bench implements AsyncDisposable {
	readonly broker: FaultyBroker;
	readonly bus: ControlBus;
	readonly log = new RecordingLogger();
	readonly changes: Change[] = [];
	readonly #database = new SqliteDatabase({path: ':memory:', migrations: BROKER_MIGRATIONS});

	constructor() {
		const [topology, clock, {log}] = [createTopology(), new SystemClock(), this];
		this.broker = new FaultyBroker(new SqliteBroker({database: this.#database, topology, clock, log}));
		const publisher = new Publisher({broker: this.broker, topology, clock});
		this.bus = new ControlBus({broker: this.broker, queue: topology.queues.control, publisher, log});
		this.bus.follow({
			onChange: (change) => this.changes.push(change),
			onGap: () => undefined,
		});
	}

	async [Symbol.asyncDispose](): Promise<void> {
		await this.bus.stop();
		await this.broker[Symbol.asyncDispose]();
		await this.#database[Symbol.asyncDispose]();
	}
}

test('a change is followed here at once, and by every process by way of the broker', async (t) => {
	await using bench = new Bench();
	await bench.bus.start();
	const change: Change = {kind: 'user-disabled', userId: randomUUID()};
	const announced = bench.bus.announce(change);
	t.deepEqual(bench.changes, [change]);
	await announced;
	await eventually(() => bench.changes.length === 2);
	t.deepEqual(bench.changes, [change, change]);
});

test('while the broker is away this process follows its own changes all the same', async (t) => {
	await using bench = new Bench();
	await bench.bus.start();
	bench.broker.mode = 'away';
	const change: Change = {kind: 'token-revoked', userId: randomUUID(), tokenId: randomUUID()};
	await bench.bus.announce(change);
	t.deepEqual(bench.changes, [change]);
	t.is(bench.log.of('control.announce.failed').length, 1);
});
