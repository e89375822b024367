/**
 * The migrations of the embedded store, in order; never change one that was released, add another. Columns are named as the fields
 * they hold (see `SqliteTable`); moments are milliseconds since the epoch (REAL where an engine
 * gives the number, which may have a fraction).
 */
export const STORE_MIGRATIONS: readonly string[] = [
	`
	CREATE TABLE users (
		id TEXT PRIMARY KEY, email TEXT, name TEXT, isAdmin INTEGER NOT NULL, disabled INTEGER NOT NULL, createdAt INTEGER NOT NULL
	) STRICT;

	CREATE TABLE tokens (
		id TEXT PRIMARY KEY, userId TEXT NOT NULL, name TEXT NOT NULL, hash TEXT NOT NULL UNIQUE, prefix TEXT NOT NULL,
		active INTEGER NOT NULL, lastUsedAt INTEGER, expiresAt INTEGER, createdAt INTEGER NOT NULL
	) STRICT;
	CREATE INDEX tokensOfUser ON tokens (userId, createdAt, id);

	CREATE TABLE connections (
		id TEXT PRIMARY KEY, userId TEXT NOT NULL, workerId TEXT, name TEXT, sessionName TEXT NOT NULL UNIQUE, phoneNumber TEXT,
		me TEXT, status TEXT NOT NULL, statusAt INTEGER NOT NULL, engine TEXT NOT NULL, desiredState TEXT NOT NULL,
		linkedAt INTEGER, createdAt INTEGER NOT NULL, updatedAt INTEGER NOT NULL, deletedAt INTEGER
	) STRICT;
	CREATE INDEX connectionsOfUser ON connections (userId, createdAt, id) WHERE deletedAt IS NULL;
	CREATE INDEX connectionsUnprovisioned ON connections (createdAt, id)
		WHERE (workerId IS NULL OR status = 'pending') AND desiredState = 'running' AND deletedAt IS NULL;

	CREATE TABLE workerPlaces (
		workerId TEXT NOT NULL, connectionId TEXT NOT NULL, PRIMARY KEY (workerId, connectionId)
	) STRICT, WITHOUT ROWID;

	CREATE TABLE webhooks (
		id TEXT PRIMARY KEY, userId TEXT NOT NULL, connectionId TEXT, url TEXT NOT NULL, events TEXT NOT NULL,
		sealedSecret TEXT NOT NULL, previousSealed TEXT, previousUntil INTEGER, active INTEGER NOT NULL, disabledReason TEXT,
		disabledAt INTEGER, timeoutMs INTEGER, retryScheduleMs TEXT, createdAt INTEGER NOT NULL, updatedAt INTEGER NOT NULL,
		deletedAt INTEGER
	) STRICT;
	CREATE INDEX webhooksOfUser ON webhooks (userId, connectionId) WHERE deletedAt IS NULL;
	CREATE INDEX webhooksOfConnection ON webhooks (connectionId, createdAt, id) WHERE deletedAt IS NULL;

	CREATE TABLE events (
		id TEXT PRIMARY KEY, userId TEXT NOT NULL, seq INTEGER NOT NULL, event TEXT NOT NULL, connectionId TEXT,
		timestampMs REAL NOT NULL, receivedAtMs REAL NOT NULL, body TEXT NOT NULL
	) STRICT;
	CREATE UNIQUE INDEX eventsInOrder ON events (userId, seq);
	CREATE INDEX eventsByAge ON events (receivedAtMs);
	CREATE TABLE eventHeads (userId TEXT PRIMARY KEY, lastSeq INTEGER NOT NULL) STRICT, WITHOUT ROWID;

	CREATE TABLE deliveries (
		id TEXT PRIMARY KEY, eventId TEXT NOT NULL, event TEXT NOT NULL, webhookId TEXT NOT NULL, userId TEXT NOT NULL,
		connectionId TEXT, run INTEGER NOT NULL, attempts INTEGER NOT NULL, state TEXT NOT NULL, createdAt INTEGER NOT NULL,
		updatedAt INTEGER NOT NULL, deliveredAt INTEGER, nextAttemptAt INTEGER, lastStatus INTEGER, lastError TEXT, reason TEXT,
		progress INTEGER NOT NULL
	) STRICT;
	CREATE INDEX deliveriesOfWebhook ON deliveries (webhookId, createdAt, id);
	CREATE INDEX deliveriesByAge ON deliveries (updatedAt);

	CREATE TABLE attempts (
		id TEXT PRIMARY KEY, deliveryId TEXT NOT NULL, run INTEGER NOT NULL, attempt INTEGER NOT NULL, at INTEGER NOT NULL,
		outcome TEXT NOT NULL
	) STRICT;
	CREATE INDEX attemptsOfDelivery ON attempts (deliveryId, run, attempt);
	CREATE INDEX attemptsByAge ON attempts (at);

	CREATE TABLE commands (
		id TEXT PRIMARY KEY, userId TEXT NOT NULL, connectionId TEXT NOT NULL, kind TEXT NOT NULL, chatId TEXT NOT NULL,
		status TEXT NOT NULL, idempotencyKey TEXT, bodyHash TEXT NOT NULL, messageId TEXT, sentTimestamp REAL, failure TEXT,
		owner TEXT, createdAt INTEGER NOT NULL, updatedAt INTEGER NOT NULL
	) STRICT;
	CREATE INDEX commandsByKey ON commands (userId, idempotencyKey, createdAt) WHERE idempotencyKey IS NOT NULL;
	CREATE INDEX commandsByAge ON commands (createdAt);

	CREATE TABLE deadLetters (
		id TEXT PRIMARY KEY, queue TEXT NOT NULL, reason TEXT NOT NULL, headers TEXT NOT NULL, body TEXT NOT NULL,
		at INTEGER NOT NULL
	) STRICT;
	CREATE INDEX deadLettersByAge ON deadLetters (at, id);

	CREATE TABLE leases (
		name TEXT PRIMARY KEY, holder TEXT, token INTEGER NOT NULL, expiresAtMs INTEGER NOT NULL
	) STRICT, WITHOUT ROWID;

	CREATE TABLE engineStates (
		engine TEXT NOT NULL, session TEXT NOT NULL, state TEXT NOT NULL, PRIMARY KEY (engine, session)
	) STRICT, WITHOUT ROWID;
	`,
	`
	CREATE INDEX usersByAge ON users (createdAt, id);

	ALTER TABLE tokens ADD COLUMN scopes TEXT;
	ALTER TABLE tokens ADD COLUMN connectionIds TEXT;

	CREATE INDEX connectionsByStatus ON connections (status, deletedAt) WHERE deletedAt IS NULL;

	ALTER TABLE commands ADD COLUMN messageKey TEXT;
	ALTER TABLE commands ADD COLUMN receipts TEXT NOT NULL DEFAULT '{}';
	CREATE INDEX commandsByMessage ON commands (connectionId, messageKey);
	`,
	`
	ALTER TABLE webhooks ADD COLUMN sealedHeaders TEXT;
	ALTER TABLE webhooks ADD COLUMN filter TEXT;
	ALTER TABLE webhooks ADD COLUMN ratePerSecond REAL;
	ALTER TABLE webhooks ADD COLUMN concurrency INTEGER;
	CREATE INDEX webhooksOfUserByAge ON webhooks (userId, createdAt, id) WHERE deletedAt IS NULL;
	`,
	`
	ALTER TABLE deliveries ADD COLUMN tried INTEGER NOT NULL DEFAULT 0;
	CREATE INDEX deliveriesDue ON deliveries (nextAttemptAt) WHERE nextAttemptAt IS NOT NULL;
	CREATE INDEX deliveriesUndelivered ON deliveries (webhookId, createdAt, id) WHERE state <> 'delivered';

	CREATE INDEX eventsOfConnection ON events (userId, connectionId, seq);
	`,
	`
	ALTER TABLE connections ADD COLUMN suspendedAt INTEGER;

	CREATE TABLE entitlements (
		id TEXT PRIMARY KEY, customerId TEXT, subscription TEXT, grantedSlots INTEGER, graceSince INTEGER, checkedAt INTEGER,
		notices TEXT NOT NULL, holders TEXT NOT NULL, version INTEGER NOT NULL, createdAt INTEGER NOT NULL,
		updatedAt INTEGER NOT NULL
	) STRICT;
	CREATE INDEX entitlementsByCustomer ON entitlements (customerId) WHERE customerId IS NOT NULL;
	CREATE INDEX entitlementsByAge ON entitlements (createdAt, id);

	CREATE TABLE billingEvents (id TEXT PRIMARY KEY, at INTEGER NOT NULL) STRICT;
	CREATE INDEX billingEventsByAge ON billingEvents (at);

	CREATE TABLE usage (
		id TEXT PRIMARY KEY, userId TEXT NOT NULL, seq INTEGER NOT NULL, connectedSinceMs REAL, days TEXT NOT NULL
	) STRICT;
	CREATE INDEX usageOfUser ON usage (userId, id);
	CREATE TABLE usageCounts (userId TEXT PRIMARY KEY, seq INTEGER NOT NULL) STRICT, WITHOUT ROWID;
	`,
	`
	ALTER TABLE webhooks ADD COLUMN failingSince INTEGER;
	ALTER TABLE webhooks ADD COLUMN lastFailureAt INTEGER;
	`,
	`
	ALTER TABLE webhooks ADD COLUMN orderSwitchesMs TEXT NOT NULL DEFAULT '[]';
	`,
	`
	CREATE INDEX eventsByArrival ON events (userId, receivedAtMs, seq);

	CREATE TABLE jobs (
		id TEXT PRIMARY KEY, kind TEXT NOT NULL, userId TEXT NOT NULL, webhookId TEXT NOT NULL, connectionId TEXT,
		receivedFrom INTEGER NOT NULL, receivedTo INTEGER NOT NULL, events TEXT, status TEXT NOT NULL, state TEXT NOT NULL, total INTEGER,
		done INTEGER NOT NULL, failed INTEGER NOT NULL, reason TEXT, createdAt INTEGER NOT NULL, startedAt INTEGER,
		finishedAt INTEGER, updatedAt INTEGER NOT NULL, turn INTEGER NOT NULL, version INTEGER NOT NULL, work TEXT NOT NULL
	) STRICT;
	CREATE INDEX jobsOfUser ON jobs (userId, createdAt, id);
	CREATE INDEX jobsByAge ON jobs (updatedAt);
	CREATE UNIQUE INDEX jobsUnderWay ON jobs (webhookId) WHERE finishedAt IS NULL;
	`,
	`
	ALTER TABLE entitlements ADD COLUMN checkoutAt INTEGER;
	ALTER TABLE entitlements ADD COLUMN toldSuspended TEXT NOT NULL DEFAULT '[]';
	`,
	`
	CREATE TABLE marks (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
	`,
];
