import {EngineError, type EngineErrorCode} from '../../domain/errors.ts';
import {toStatus} from './waha-mapper.ts';

/**
 * What a call is for decides what its failure means: only a `send` must never be repeated blindly. A `change` (of a session, or of
 * a message that exists) does the same when it comes twice.
 */
export type WahaIntent = 'read' | 'change' | 'send';

/** What WAHA means by statuses for which the call itself has to say what they concern; unset, it is the session. */
export type WahaMeanings = Readonly<Partial<Record<404 | 422, keyof typeof MESSAGES>>>;

/** What WAHA answered, as far as it was read. */
export interface WahaAnswer {
	readonly status: number;
	readonly text: string;
}

/** There was no whole answer. */
export class WahaTransportError extends Error {
	/** The connection was open: the request may have arrived. */
	readonly sent: boolean;
	/** Who ended it. */
	readonly endedBy: 'network' | 'deadline' | 'caller';

	constructor(message: string, {sent, endedBy}: {sent: boolean; endedBy: WahaTransportError['endedBy']}) {
		super(message);
		this.sent = sent;
		this.endedBy = endedBy;
	}
}

const MESSAGES = {
	SESSION_NOT_FOUND: 'The engine does not know this session: it is created again within a minute, then link the phone',
	SESSION_STARTING: 'The session is starting: try again in a few seconds',
	SESSION_NOT_CONNECTED: 'The session is not linked to WhatsApp: scan its QR code, then try again',
	QR_NOT_READY: 'The session shows no QR code: it is linked already, or it is not running',
	RECIPIENT_INVALID: 'This is no phone number: give it with country code, digits only',
	CONTENT_INVALID: 'WhatsApp does not take this content',
	MESSAGE_NOT_FOUND: 'WhatsApp has no such message in this chat',
	MESSAGE_NOT_EDITABLE: 'WhatsApp does not let this message be changed',
	MEDIA_NOT_FOUND: 'The WhatsApp engine has no such file (any more)',
	MEDIA_TOO_LARGE: 'The file is larger than the WhatsApp engine takes',
	ACCOUNT_RESTRICTED: 'WhatsApp does not let this account start new chats for now; chats that exist go on working',
	NOT_SUPPORTED: 'The engine of this connection cannot do this',
	ENGINE_REFUSED: 'The WhatsApp engine refused the request',
	ENGINE_UNAVAILABLE: 'The WhatsApp engine does not answer: try again in a few seconds',
	ENGINE_TIMEOUT: 'The WhatsApp engine did not answer in time: try again in a few seconds',
	OUTCOME_UNKNOWN:
		'The WhatsApp engine did not say whether the message went out: look at the chat before sending it again',
} as const satisfies Partial<Record<EngineErrorCode, string>>;

/** How long a session that starts is given before the next try. */
const STARTING_RETRY_MS = 2000;

/** An error with its standard message. The cause tells operators more; neither ever holds what WAHA wrote in a body. */
export function engineError(code: keyof typeof MESSAGES, cause?: Error): EngineError {
	return new EngineError(code, MESSAGES[code], {
		...(cause !== undefined && {cause}),
		...(code === 'SESSION_STARTING' && {retryAfterMs: STARTING_RETRY_MS}),
	});
}

/**
 * The meaning of an answer that is not 2xx.
 * @param call what operators read of it
 */
export function toAnswerError(
	answer: WahaAnswer,
	{intent, call, meanings = {}}: {intent: WahaIntent; call: string; meanings?: WahaMeanings},
): EngineError {
	const cause = new Error(`WAHA answered ${answer.status} to ${call}`);
	if (answer.status === 401 || answer.status === 403) {
		return new EngineError(
			'ENGINE_REFUSED',
			"The WhatsApp engine refused this gateway's key: its operator must correct the API key of the worker",
			{cause},
		);
	}
	return engineError(codeOf(answer, intent, meanings), cause);
}

/** The meaning of a call that got no whole answer. */
export function toTransportError(error: WahaTransportError, intent: WahaIntent): EngineError {
	if (!error.sent) {
		return engineError('ENGINE_UNAVAILABLE', error);
	}
	if (intent === 'send') {
		return engineError('OUTCOME_UNKNOWN', error);
	}
	return engineError(intent === 'read' && error.endedBy === 'network' ? 'ENGINE_UNAVAILABLE' : 'ENGINE_TIMEOUT', error);
}

function codeOf({status, text}: WahaAnswer, intent: WahaIntent, meanings: WahaMeanings): keyof typeof MESSAGES {
	if (status === 404) return isWahas404(text) ? (meanings[404] ?? 'SESSION_NOT_FOUND') : 'ENGINE_UNAVAILABLE';
	if (status === 413) return 'MEDIA_TOO_LARGE';
	if (status === 422) return codeOf422(text) ?? meanings[422] ?? 'ENGINE_REFUSED';
	if (status === 429) return 'ENGINE_UNAVAILABLE';
	if (status === 501) return 'NOT_SUPPORTED';
	if (status < 500) return 'ENGINE_REFUSED';
	return codeOf500(exceptionMessage(text), intent);
}

/** A route that does not exist is a wrong base URL, and something that is no JSON is no WAHA: neither says anything of a session. */
function isWahas404(text: string): boolean {
	const {message, error} = parseObject(text);
	// Files have a shape of their own.
	const isOfFile = typeof error === 'object' && error !== null;
	return isOfFile || (typeof message === 'string' && !message.startsWith('Cannot '));
}

/**
 * Two of the three shapes of a 422 concern the session: "does not exist", and "is in a status that will not do". Undefined for the
 * third, which concerns what was asked.
 */
function codeOf422(text: string): keyof typeof MESSAGES | undefined {
	const {error, session, status} = parseObject(text);
	if (typeof session !== 'string') return undefined;
	if (typeof status === 'string') return toStatus(status) === 'STARTING' ? 'SESSION_STARTING' : 'SESSION_NOT_CONNECTED';
	return typeof error === 'string' && error.includes('does not exist') ? 'SESSION_NOT_FOUND' : undefined;
}

/** WAHA has no error codes of its own: for these the text of the exception is all there is. */
function codeOf500(message: string, intent: WahaIntent): keyof typeof MESSAGES {
	// WhatsApp's "reach-out time lock".
	if (/\b463\b/.test(message)) return 'ACCOUNT_RESTRICTED';
	// Another start or stop of the session holds its lock; ours has not begun.
	if (message.includes('async-lock timed out')) return 'SESSION_STARTING';
	// The words of WAHA's body parser, which has not called anything yet.
	if (message === 'request entity too large') return 'MEDIA_TOO_LARGE';
	return intent === 'send' ? 'OUTCOME_UNKNOWN' : 'ENGINE_UNAVAILABLE';
}

/** Only this part of a 500 may be looked at: the rest repeats the request, in which any number can occur. It may be cut off, so no JSON.parse. */
function exceptionMessage(text: string): string {
	return /"exception":\s*\{[^{}]*?"message":\s*"((?:[^"\\]|\\.)*)"/.exec(text)?.[1] ?? '';
}

function parseObject(text: string): Readonly<Record<string, unknown>> {
	try {
		const value: unknown = JSON.parse(text);
		return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
	} catch {
		// A proxy's page, or cut off: there is nothing to learn from it.
		return {};
	}
}
