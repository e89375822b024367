import type {ErrorCode} from '../../domain/errors.ts';

/** What there is to know about one code. */
export interface ErrorEntry {
	/** The HTTP status. */
	readonly status: number;
	/** When it is answered. */
	readonly meaning: string;
	/** What a caller does about it. */
	readonly advice: string;
	/** Whether the same request may succeed later without any change. */
	readonly retryable: boolean;
	/** A message that it comes with. */
	readonly example: string;
}

/**
 * Every error of the API: the one table that maps causes to HTTP, and what `docs/errors.md`, `/docs/errors` and the OpenAPI document
 * say of them. A code without an entry does not compile.
 */
export const ERROR_CATALOGUE = {
	VALIDATION_FAILED: {
		status: 400,
		meaning: 'Something in the request is missing, malformed or out of range.',
		advice: 'Correct what `message` names. For webhooks it is an array, one text per fault.',
		retryable: false,
		example: 'name must be a string',
	},
	UNAUTHENTICATED: {
		status: 401,
		meaning: 'There is no token, or it is unknown, revoked, expired or not signed by whom it claims.',
		advice: 'Send `Authorization: Bearer …` with a valid API token or JWT.',
		retryable: false,
		example: 'Missing or invalid Authorization header',
	},
	FORBIDDEN: {
		status: 403,
		meaning: 'The resource is somebody else’s, or the token lacks the scope, the connection or the rank for it.',
		advice: 'Use a token that may do it.',
		retryable: false,
		example: 'You do not own this connection',
	},
	NOT_FOUND: {
		status: 404,
		meaning: 'There is nothing with this id.',
		advice: 'Check the id. An id that is no UUID does not exist either.',
		retryable: false,
		example: 'Connection not found',
	},
	ROUTE_NOT_FOUND: {
		status: 404,
		meaning: 'There is no route with this method and path.',
		advice: 'Look the route up in the reference; all of them start with `/api`.',
		retryable: false,
		example: 'Cannot GET /api/nope',
	},
	CONFLICT: {
		status: 409,
		meaning: 'The request contradicts an earlier one, or what is there already.',
		advice: '`message` says what it contradicts. A new message needs a new Idempotency-Key.',
		retryable: false,
		example: 'This Idempotency-Key was used for a different request: use a new key for a new message',
	},
	REQUEST_TIMEOUT: {
		status: 408,
		meaning: 'The request did not arrive in time.',
		advice: 'Send its headers within 20 s and all of it within 120 s.',
		retryable: true,
		example: 'The request did not arrive in time',
	},
	PAYLOAD_TOO_LARGE: {
		status: 413,
		meaning: 'The body is larger than the route takes: 50 MB where it may carry a file, 1 MB elsewhere.',
		advice: 'Send less, or name a file by `url` instead of sending its bytes.',
		retryable: false,
		example: 'request entity too large',
	},
	HEADERS_TOO_LARGE: {
		status: 431,
		meaning: 'There are more than 200 headers, or they are larger than 16 KB together.',
		advice: 'Send fewer or shorter headers; what is long belongs into the body.',
		retryable: false,
		example: 'The headers are too large: at most 200, and 16 KB together',
	},
	UNSUPPORTED_MEDIA_TYPE: {
		status: 415,
		meaning: 'The body has a content type, charset or encoding that is not read here.',
		advice: 'Send JSON in UTF-8 with `Content-Type: application/json`.',
		retryable: false,
		example: 'The body must be JSON: send it with Content-Type: application/json',
	},
	RATE_LIMITED: {
		status: 429,
		meaning: 'This token has used up its requests per minute for this route.',
		advice: 'Wait for `Retry-After` seconds. `X-RateLimit-Remaining` tells how many are left.',
		retryable: true,
		example: 'ThrottlerException: Too Many Requests',
	},
	OVERLOADED: {
		status: 503,
		meaning:
			'Too many large bodies are being received at once. Only the routes that workers and the billing provider post to say so.',
		advice: 'Repeat it after `Retry-After`.',
		retryable: true,
		example: 'Too many large requests are being received: try again',
	},
	INTERNAL: {
		status: 500,
		meaning: 'A defect of the gateway.',
		advice: 'Tell the operator the `requestId`: the log has the cause under it.',
		retryable: false,
		example: 'Internal server error',
	},
	BROKER_UNAVAILABLE: {
		status: 503,
		meaning: 'The message broker did not confirm. A message may have been accepted all the same.',
		advice: 'Repeat it after `Retry-After`, with the same Idempotency-Key.',
		retryable: true,
		example: 'The message broker is not available: not confirmed within 5000 ms',
	},
	STORE_UNAVAILABLE: {
		status: 503,
		meaning: 'The database did not answer.',
		advice: 'Repeat it after `Retry-After`.',
		retryable: true,
		example: 'The store is not available: it did not answer in time',
	},
	SIGN_IN_UNAVAILABLE: {
		status: 503,
		meaning: 'The JWT cannot be checked: the identity provider does not hand out its keys.',
		advice: 'Repeat it after `Retry-After`, or use an API token.',
		retryable: true,
		example: 'The keys of the identity provider are not available: try again, or use an API token',
	},
	FANOUT_UNAVAILABLE: {
		status: 503,
		meaning: 'The live stream cannot be reached. Nothing is lost: sockets catch up from the log.',
		advice: 'Connect again after `Retry-After`.',
		retryable: true,
		example: 'The live stream is not available: Redis took no subscription',
	},
	MESSAGE_MALFORMED: {
		status: 500,
		meaning: 'An internal message could not be read. It is kept among the dead letters.',
		advice: 'Tell the operator the `requestId`.',
		retryable: false,
		example: 'Internal server error',
	},
	NO_WORKER_AVAILABLE: {
		status: 503,
		meaning: 'The connection has no worker: none has room.',
		advice: 'Wait: it is assigned as soon as one has room. Operators add workers.',
		retryable: true,
		example: 'No worker assigned',
	},
	SLOTS_EXHAUSTED: {
		status: 403,
		meaning: 'Every slot has a connection, or there are none.',
		advice:
			'Buy slots (`POST /billing/checkout`, then `PUT /billing/slots`) or, where none are sold, ask the operator; or delete a connection.',
		retryable: false,
		example: 'All 5 connection slots in use. Buy more slots at /billing.',
	},
	CONNECTION_SUSPENDED: {
		status: 403,
		meaning: 'The connection is stopped, because there are fewer slots than connections. Its phone stays linked.',
		advice: 'Get more slots or delete another connection: it runs again by itself.',
		retryable: false,
		example: 'This connection is suspended, because there are not enough slots: get more, or delete another connection',
	},
	BILLING_DISABLED: {
		status: 400,
		meaning: 'Nothing is sold here: connections have no limit, or the operator sets it.',
		advice: 'Create connections as you like, or ask the operator for slots.',
		retryable: false,
		example: 'Billing is not set up here: the number of connections has no limit',
	},
	PAYMENT_FAILED: {
		status: 400,
		meaning: 'The charge did not go through. Nothing was changed.',
		advice: 'Look after the payment method at `POST /billing/portal`, then repeat it.',
		retryable: false,
		example: 'The payment failed, and nothing was changed: Your card was declined.',
	},
	BILLING_UNAVAILABLE: {
		status: 503,
		meaning: 'The billing provider does not answer. Connections and their creation do not need it.',
		advice: 'Repeat it after `Retry-After`: nothing is paid twice.',
		retryable: true,
		example: 'The billing provider is not available: it did not answer in time',
	},
	BILLING_REFUSED: {
		status: 502,
		meaning: 'The billing provider refused what the gateway asked of it.',
		advice: 'Tell the operator the `requestId`: keys, prices or settings are wrong.',
		retryable: false,
		example:
			'The billing provider refused the request: the operator has to look at its log and at the settings of billing',
	},
	ENGINE_UNAVAILABLE: {
		status: 503,
		meaning: 'The WhatsApp engine of this connection cannot be reached. Nothing was sent.',
		advice: 'Repeat it later.',
		retryable: true,
		example: 'The worker of this connection cannot be reached',
	},
	ENGINE_TIMEOUT: {
		status: 504,
		meaning: 'The WhatsApp engine did not answer in time.',
		advice: 'Repeat a read. Before you repeat a change, look whether it happened.',
		retryable: true,
		example: 'The worker of this connection did not answer in time',
	},
	ENGINE_REFUSED: {
		status: 502,
		meaning: 'The WhatsApp engine refused the request or answered something unreadable.',
		advice: 'The same request is refused again; tell the operator the `requestId`.',
		retryable: false,
		example: 'The worker refused the request',
	},
	SESSION_NOT_FOUND: {
		status: 503,
		meaning: 'The worker does not know the session of this connection (any more).',
		advice:
			'Wait: it is created again within a minute, or at once by `POST …/restart`. Its phone has to be linked anew then.',
		retryable: true,
		example: 'The engine does not know this session: it is created again within a minute, then link the phone',
	},
	SESSION_NOT_CONNECTED: {
		status: 409,
		meaning: 'No phone is linked, or WhatsApp is not connected at the moment.',
		advice: 'Look at the connection’s `status`; while it is `scan_qr`, link a phone.',
		retryable: true,
		example: 'The connection is not linked: scan its QR code first',
	},
	SESSION_STARTING: {
		status: 503,
		meaning: 'The session is on its way up.',
		advice: 'Repeat it in a few seconds.',
		retryable: true,
		example: 'The session is starting, please wait',
	},
	QR_NOT_READY: {
		status: 503,
		meaning: 'There is no QR code yet. `reason` is `worker_pending`, `session_starting` or `session_restarting`.',
		advice: 'Ask again every few seconds.',
		retryable: true,
		example: 'Worker is starting up, please wait',
	},
	ACCOUNT_RESTRICTED: {
		status: 422,
		meaning: 'WhatsApp restricts this account for now, such as from writing to new chats.',
		advice: 'Wait until the restriction ends, and write to people who know you.',
		retryable: false,
		example: 'WhatsApp restricts this account from starting new chats',
	},
	RECIPIENT_INVALID: {
		status: 422,
		meaning: 'The chat id or number is none that this operation takes.',
		advice: 'Give a number with country code, or an id ending in @c.us, @g.us, @lid or @newsletter.',
		retryable: false,
		example: 'chatId is no WhatsApp id',
	},
	RECIPIENT_NOT_ON_WHATSAPP: {
		status: 422,
		meaning: 'Nobody on WhatsApp has this number.',
		advice: 'Check the number.',
		retryable: false,
		example: 'This number is not on WhatsApp',
	},
	RECIPIENT_BLOCKED: {
		status: 422,
		meaning: 'The recipient takes no messages from this account, or is blocked by it.',
		advice: 'Do not write to this recipient.',
		retryable: false,
		example: 'The recipient has blocked this account',
	},
	CONTENT_INVALID: {
		status: 422,
		meaning: 'WhatsApp or the engine does not take this content.',
		advice: '`message` says what is wrong with it.',
		retryable: false,
		example: 'The file is no image that WhatsApp takes',
	},
	MESSAGE_NOT_FOUND: {
		status: 404,
		meaning: 'The engine knows no message with this id in this chat.',
		advice: 'Use the id that the send or the event gave, and its chat.',
		retryable: false,
		example: 'Message not found',
	},
	MESSAGE_NOT_EDITABLE: {
		status: 422,
		meaning: 'The message is not yours, too old, or of a kind that cannot be changed.',
		advice: 'Send a new message instead.',
		retryable: false,
		example: 'Only your own messages of the last 15 minutes can be edited',
	},
	MEDIA_NOT_FOUND: {
		status: 404,
		meaning: 'There never was such a file, as far as anybody knows.',
		advice: 'Use the `media.url` of the event as it is.',
		retryable: false,
		example: 'Media not found',
	},
	MEDIA_NOT_READY: {
		status: 503,
		meaning: 'The file of an event that just came could not be fetched from WhatsApp so far.',
		advice: 'Repeat it after `Retry-After`: it is tried for about 90 seconds. Then it is there, or 410.',
		retryable: true,
		example: 'The file could not be fetched from WhatsApp yet: it is tried again, ask in a moment',
	},
	MEDIA_EXPIRED: {
		status: 410,
		meaning: 'The file was there and is not any more.',
		advice: '`message` says why. Fetch files while they are kept.',
		retryable: false,
		example: 'The file is not kept any more: files are kept for 30 days',
	},
	MEDIA_TOO_LARGE: {
		status: 422,
		meaning: 'The file is larger than WhatsApp, the engine or the operator allows.',
		advice: 'Send a smaller file; `message` names the limit.',
		retryable: false,
		example: 'The file is larger than 100 MB',
	},
	MEDIA_FETCH_FAILED: {
		status: 422,
		meaning: 'The `url` of a file could not be fetched.',
		advice: '`message` says why. It must be reachable from the gateway, without a log-in.',
		retryable: false,
		example: 'The file could not be fetched: its server answered 404',
	},
	MEDIA_STORE_UNAVAILABLE: {
		status: 503,
		meaning: 'Files cannot be kept or read at the moment.',
		advice: 'Repeat it after `Retry-After`.',
		retryable: true,
		example: 'The media store is not available: no space is left on its disk',
	},
	EVENT_EXPIRED: {
		status: 410,
		meaning: 'The log does not have this event, or not any more.',
		advice:
			'Events are kept for 30 days unless the operator says otherwise. Read on from where the log begins: `after=0`.',
		retryable: false,
		example: 'The event of this delivery is not in the log any more',
	},
	RANGE_NOT_SATISFIABLE: {
		status: 416,
		meaning: 'The `Range` begins beyond the end of the file.',
		advice: '`Content-Range` tells the size: ask for a range within it.',
		retryable: false,
		example: 'The file has 1024 bytes: ask for a range within them',
	},
	NOT_SUPPORTED: {
		status: 501,
		meaning: 'The engine of this connection cannot do this.',
		advice: '`message` says what would have it; `GET …/capabilities` shows all.',
		retryable: false,
		example: 'The engine of this connection cannot do this (send.poll): it has no such operation',
	},
	OUTCOME_UNKNOWN: {
		status: 504,
		meaning: 'Nobody knows whether the message was sent: whoever sent it ended in between.',
		advice: 'Look into the chat before you send it again. It is never repeated by itself.',
		retryable: false,
		example: 'It is not known whether the message was sent',
	},
} as const satisfies Record<ErrorCode, ErrorEntry>;
