import {createConnection} from 'mongoose';
import {MongoDatabase} from '../../adapters/mongo/mongo-database.ts';
import {createMongoStores} from '../../adapters/mongo/mongo-stores.ts';
import {namesDatabase} from '../../adapters/mongo/names-database.ts';
import {openMongo} from '../../adapters/mongo/open-mongo.ts';
import {SetupError, StoreUnavailableError} from '../../domain/errors.ts';
import type {Stores} from '../../domain/ports/stores.ts';
import {eventually} from '../support/eventually.ts';
import {createMongoTestDatabase} from '../support/mongo-stores-harness.ts';
import {RecordingLogger} from '../support/recording-logger.ts';
import {
	after,
	sampleCommand,
	sampleConnection,
	sampleEntitlement,
	sampleEvent,
	sampleOutcome,
	sampleToken,
	sampleUser,
	sampleWebhook,
	T0,
} from '../support/samples.ts';
import {requireServices} from '../support/services.ts';
import {TcpProxy} from '../support/tcp-proxy.ts';

const {test, urls} = await requireServices('mongodb');

const DAY_MS = 24 * 60 * 60 * 1000;

test('opening creates the indexes: uniqueness, and expiry where rows are kept for a time', async (t) => {
	await using testDatabase = await createMongoTestDatabase(urls.mongodb);
	await using _first = await openMongo(testDatabase);
	await using _again = await openMongo(testDatabase);

	const indexes = async (name: string) => await testDatabase.connection.collection(name).indexes();
	for (const name of ['events', 'deliveries', 'attempts', 'commands', 'deadLetters']) {
		const expiry = (await indexes(name)).find(({key}) => 'expiresAt' in key);
		t.is(expiry?.expireAfterSeconds, 0, name);
	}
	t.is(
		(await indexes('tokens')).find(({key}) => 'expiresAt' in key),
		undefined,
	);
	t.true((await indexes('events')).find(({key}) => 'seq' in key)?.unique);
	t.true((await indexes('tokens')).find(({key}) => 'hash' in key)?.unique);
	t.true((await indexes('connections')).find(({key}) => 'sessionName' in key)?.unique);
	t.like(
		(await indexes('commands')).find(({key}) => 'idempotency' in key),
		{unique: true, sparse: true},
	);
	t.truthy((await indexes('commands')).find(({key}) => 'messageKey' in key));
	t.truthy((await indexes('deliveries')).find(({key}) => 'nextAttemptAt' in key)?.partialFilterExpression);
});

test('documents from before a field existed read as if it had never been set', async (t) => {
	await using testDatabase = await createMongoTestDatabase(urls.mongodb);
	await using database = await openMongo(testDatabase);
	const {tokenStore, commandStore, webhookStore, entitlementStore} = createMongoStores(database);
	const [token, command, webhook] = [sampleToken(), sampleCommand(), sampleWebhook()];
	const entitlement = sampleEntitlement();
	await tokenStore.insert(token);
	await commandStore.create(command);
	await webhookStore.insert(webhook);
	await entitlementStore.save(entitlement);
	const drop = (name: string, ...fields: readonly string[]) =>
		testDatabase.connection
			.collection(name)
			.updateOne({}, {$unset: Object.fromEntries(fields.map((field) => [field, 1]))});
	await drop('tokens', 'scopes', 'connectionIds');
	await drop('commands', 'messageKey', 'receipts');
	await drop('webhooks', 'sealedHeaders', 'filter', 'ratePerSecond', 'concurrency', 'orderSwitchesMs');
	await drop('webhooks', 'failingSince', 'lastFailureAt');
	await drop('entitlements', 'checkoutAt', 'toldSuspended');

	t.deepEqual(await tokenStore.find(token.id), token);
	t.deepEqual(await tokenStore.findByHash(token.hash), token);
	t.deepEqual(await tokenStore.listActive(token.userId, {limit: 100}), [token]);
	t.deepEqual(await commandStore.find(command.id), command);
	t.deepEqual(await webhookStore.find(webhook.id), webhook);
	t.deepEqual(await webhookStore.listForEvent(webhook.userId, webhook.connectionId), [webhook]);
	t.deepEqual(await entitlementStore.find(entitlement.id), {...entitlement, version: 1});
});

test('acknowledgements are one round trip', async (t) => {
	await using testDatabase = await createMongoTestDatabase(urls.mongodb);
	const calls: string[] = [];
	const connection = await createConnection(testDatabase.url, {autoIndex: false, autoCreate: false}).asPromise();
	connection.set('debug', (collection: string, method: string) => calls.push(`${collection}.${method}`));
	await using database = new MongoDatabase({connection});
	const receipts = Array.from({length: 100}, (_, index) => {
		const {connectionId, messageKey} = sampleCommand();
		return {connectionId, messageKey, level: 'read', at: after(index)} as const;
	});
	await createMongoStores(database).commandStore.acknowledge(receipts);

	t.deepEqual(calls, ['commands.bulkWrite']);
});

test('rows say when they expire, counted from what they tell', async (t) => {
	await using testDatabase = await createMongoTestDatabase(urls.mongodb);
	await using database = await openMongo(testDatabase);
	const stores = createMongoStores(database, {retentionDays: 7});
	const event = sampleEvent();
	const outcome = sampleOutcome();
	await stores.eventStore.append([event]);
	await stores.deliveryStore.record([outcome]);
	await stores.commandStore.create(sampleCommand());
	await stores.deadLetterStore.insert({id: 'x', queue: 'q', reason: 'r', headers: {}, body: '', at: T0});

	const expiry = async (name: string) =>
		(await testDatabase.connection.collection(name).findOne({}))?.['expiresAt'] as unknown;
	t.deepEqual(await expiry('events'), new Date(event.receivedAtMs + 7 * DAY_MS));
	t.deepEqual(await expiry('deliveries'), new Date(outcome.atMs + 7 * DAY_MS));
	t.deepEqual(await expiry('attempts'), new Date(outcome.atMs + 7 * DAY_MS));
	t.deepEqual(await expiry('commands'), after(7 * DAY_MS));
	t.deepEqual(await expiry('deadLetters'), after(7 * DAY_MS));
});

test('an append of users that were seen lately is one insert', async (t) => {
	await using testDatabase = await createMongoTestDatabase(urls.mongodb);
	const calls: string[] = [];
	const connection = await createConnection(testDatabase.url, {autoIndex: false, autoCreate: false}).asPromise();
	connection.set('debug', (collection: string, method: string) => calls.push(`${collection}.${method}`));
	await using database = new MongoDatabase({connection});
	await database.ensureIndexes();
	const {eventStore} = createMongoStores(database);
	const users = Array.from({length: 20}, () => sampleUser().id);
	const batch = () => users.flatMap((userId) => Array.from({length: 10}, () => sampleEvent({userId})));
	await eventStore.append(batch());
	calls.length = 0;
	await eventStore.append(batch());
	await eventStore.append(batch());

	t.deepEqual(calls, ['events.insertMany', 'events.insertMany']);
});

test('a URL may name its database, also with several hosts and options', (t) => {
	for (const url of ['mongodb://a/db', 'mongodb://u:p@a:1,b:2/db?replicaSet=rs', 'mongodb+srv://a.example.com/db']) {
		t.true(namesDatabase(url), url);
	}
	for (const url of ['mongodb://a', 'mongodb://a/', 'mongodb://u:p@a:1,b:2/?replicaSet=rs', 'mongodb://a?tls=true']) {
		t.false(namesDatabase(url), url);
	}
});

test('a URL that can never work, and refused credentials, end the start at once', async (t) => {
	const refused = new URL(urls.mongodb);
	refused.username = 'nobody';
	refused.password = 'secret';
	for (const url of ['http://127.0.0.1', 'mongodb://', 'mongodb://127.0.0.1/db?nonsense=1', refused.href]) {
		const startedAt = performance.now();
		const error = await t.throwsAsync(openMongo({url, patienceMs: 10_000}), {instanceOf: SetupError});
		t.true(performance.now() - startedAt < 5000, url);
		t.regex(error.message, /^MONGODB_URL does not work \(.+\): check address, user and password$/);
		t.false(error.message.includes('secret'));
	}
});

test('a server that cannot be reached is waited for, then the start ends', async (t) => {
	const log = new RecordingLogger();
	const error = await t.throwsAsync(openMongo({url: 'mongodb://127.0.0.1:1/db', log, patienceMs: 4500}), {
		instanceOf: SetupError,
	});
	t.regex(error.message, /^MongoDB cannot be reached \(.+\): start it, or correct MONGODB_URL$/);
	t.true(log.of('mongodb.waiting').length >= 1);
});

test('a server that comes up late is found', async (t) => {
	await using testDatabase = await createMongoTestDatabase(urls.mongodb);
	await using proxy = await TcpProxy.to(testDatabase.url);
	proxy.refuse();
	const opening = openMongo({url: proxy.urlFor(testDatabase.url)});
	await eventually(() => proxy.attempts > 0);
	proxy.heal();
	await using database = await opening;

	t.false(await createMongoStores(database).userStore.hasAdmin());
});

test('an index that exists with other options ends the start', async (t) => {
	await using testDatabase = await createMongoTestDatabase(urls.mongodb);
	await testDatabase.connection.collection('events').createIndexes([{key: {userId: 1, seq: 1}}]);
	const error = await t.throwsAsync(openMongo(testDatabase), {instanceOf: SetupError});

	t.regex(error.message, /^MongoDB refused an index of "events" /);
});

for (const outage of ['refuse', 'pause'] as const) {
	test(`while MongoDB is away (${outage}) every call says so within 5 s, and it heals by itself`, async (t) => {
		await using testDatabase = await createMongoTestDatabase(urls.mongodb);
		await using proxy = await TcpProxy.to(testDatabase.url);
		await using database = await openMongo({url: proxy.urlFor(testDatabase.url)});
		const stores = createMongoStores(database);
		const user = sampleUser();
		await stores.userStore.insert(user);
		await database.check(AbortSignal.timeout(5000));

		proxy[outage]();
		const calls: Record<string, Promise<unknown>> = {
			...callsOf(stores),
			health: database.check(new AbortController().signal),
		};
		await Promise.all(
			Object.entries(calls).map(async ([name, call]) => {
				const startedAt = performance.now();
				await t.throwsAsync(call, {instanceOf: StoreUnavailableError}, name);
				t.true(performance.now() - startedAt < 5000, name);
			}),
		);
		// By now the driver may know at once that nobody answers: whoever asked gives up before it can say so.
		const asking = new AbortController();
		const check = database.check(asking.signal);
		asking.abort(new DOMException('no time', 'TimeoutError'));
		await t.throwsAsync(check, {name: 'TimeoutError'});

		proxy.heal();
		await eventually(async () => {
			t.deepEqual(await stores.userStore.find(user.id), user);
		});
		const event = sampleEvent();
		await eventually(() => stores.eventStore.append([event]));
		t.is((await stores.eventStore.find(event.id))?.seq, 1);
	});
}

test('connections that break amid appends leave no hole, lose nothing and repeat nothing', async (t) => {
	await using testDatabase = await createMongoTestDatabase(urls.mongodb);
	await using proxy = await TcpProxy.to(testDatabase.url);
	await using database = await openMongo({url: proxy.urlFor(testDatabase.url)});
	const {eventStore} = createMongoStores(database);
	const userId = sampleUser().id;
	const batches = Array.from({length: 30}, () => Array.from({length: 20}, () => sampleEvent({userId})));
	let failures = 0;
	for (const [index, batch] of batches.entries()) {
		let appending = eventStore.append(batch);
		if (index % 3 === 0) {
			proxy.cut();
		}
		await eventually(async () => {
			try {
				await appending;
			} catch (error) {
				failures++;
				appending = eventStore.append(batch);
				throw error;
			}
		});
	}

	t.true(failures > 0);
	const log = await eventStore.listAfter(userId, 0, 1000);
	t.deepEqual(
		log.map(({id, seq}) => ({id, seq})),
		batches.flat().map(({id}, index) => ({id, seq: index + 1})),
	);
});

/** One call of each kind that every store makes. */
function callsOf(stores: Stores): Record<string, Promise<unknown>> {
	const {connectionStore, workerStore, webhookStore, eventStore, deliveryStore, commandStore, leaseStore} = stores;
	return {
		'users.insert': stores.userStore.insert(sampleUser()),
		'users.find': stores.userStore.find('x'),
		'users.list': stores.userStore.list({limit: 1}),
		'users.disable': stores.userStore.setDisabled('x', true),
		'tokens.insert': stores.tokenStore.insert(sampleToken()),
		'tokens.list': stores.tokenStore.listActive('x', {limit: 100}),
		'tokens.touch': stores.tokenStore.touch('x', T0),
		'connections.insert': connectionStore.insert(sampleConnection()),
		'connections.list': connectionStore.list('x', {limit: 1}),
		'connections.count': connectionStore.countByStatus(),
		'connections.rename': connectionStore.rename('x', 'y', T0),
		'connections.report': connectionStore.applyReport('x', {status: 'failed', me: null, atMs: 0}),
		'workers.take': workerStore.takePlace('x', 'y', 1),
		'workers.count': workerStore.countPlaces('x'),
		'webhooks.insert': webhookStore.insert(sampleWebhook()),
		'webhooks.disable': webhookStore.disable('x', 'y', T0),
		'webhooks.note': webhookStore.noteFailure('x', T0, T0),
		'webhooks.forget': webhookStore.forgetFailures(['x']),
		'events.append': eventStore.append([sampleEvent()]),
		'events.list': eventStore.listAfter('x', 0, 1),
		'events.last': eventStore.lastSeq('x'),
		'deliveries.record': deliveryStore.record([sampleOutcome()]),
		'deliveries.list': deliveryStore.listByWebhook('x', {limit: 1}),
		'commands.create': commandStore.create(sampleCommand({idempotencyKey: 'key'})),
		'commands.claim': commandStore.claim('x', 'y', T0),
		'commands.acknowledge': commandStore.acknowledge([{connectionId: 'x', messageKey: 'y', level: 'read', at: T0}]),
		'dead letters.list': stores.deadLetterStore.list(1),
		'leases.acquire': leaseStore.acquire('x', 'y', 1, 1),
		'engine states.save': stores.engineStateStore.save('x', 'y', 'z'),
	};
}

test('an unordered batch that met a broken connection is never taken for recorded', async (t) => {
	await using testDatabase = await createMongoTestDatabase(urls.mongodb);
	await using proxy = await TcpProxy.to(testDatabase.url);
	await using database = await openMongo({url: proxy.urlFor(testDatabase.url)});
	const {deliveryStore} = createMongoStores(database);
	let failures = 0;
	for (let round = 0; round < 8; round++) {
		await eventually(() => database.check(AbortSignal.timeout(2000)));
		const outcomes = Array.from({length: 20}, () => sampleOutcome());
		const recording = deliveryStore.record(outcomes);
		// No connection is left to try again on: the driver reports the whole batch as one error without a word on any document.
		proxy.refuse();
		const error: unknown = await recording.then(
			() => undefined,
			(reason: unknown) => reason,
		);
		proxy.heal();
		if (error === undefined) {
			for (const {deliveryId} of outcomes) {
				t.truthy(await eventually(() => deliveryStore.find(deliveryId)), 'what was said to be recorded is there');
			}
		} else {
			t.true(error instanceof StoreUnavailableError);
			failures++;
		}
	}
	t.true(failures > 0);
});
