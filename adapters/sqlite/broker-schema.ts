/**
 * The embedded broker's tables, in a file of their own. A message's content is stored once and has an entry in each queue
 * that it was routed to; the last entry takes the content with it.
 */
export const BROKER_MIGRATIONS: readonly string[] = [
	`
	CREATE TABLE content (
		id INTEGER PRIMARY KEY,
		message_id TEXT NOT NULL,
		exchange TEXT NOT NULL,
		routing_key TEXT NOT NULL,
		headers TEXT NOT NULL, -- JSON
		reply_to TEXT,
		body BLOB NOT NULL
	) STRICT;

	CREATE TABLE entry (
		queue TEXT NOT NULL,
		position INTEGER NOT NULL, -- order within the queue; grows over all queues
		content INTEGER NOT NULL,
		deliveries INTEGER NOT NULL, -- how often it was handed out, written before it is
		due_at INTEGER, -- when it leaves a wait queue, milliseconds since the epoch
		exchange TEXT, -- the dead-letter exchange that brought it here, if one did
		death_queue TEXT,
		death_reason TEXT,
		PRIMARY KEY (queue, position)
	) STRICT, WITHOUT ROWID;

	CREATE INDEX entry_by_content ON entry (content);

	CREATE TABLE health_check (
		id INTEGER PRIMARY KEY CHECK (id = 1),
		checked_at INTEGER NOT NULL
	) STRICT;
	`,
];
