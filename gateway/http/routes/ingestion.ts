import express, {type Request, type RequestHandler} from 'express';
import {ingestionKey} from '../../../domain/connections/session-name.ts';
import {BrokerUnavailableError, NotFoundError, UnauthenticatedError, ValidationError} from '../../../domain/errors.ts';
import type {Ingestion} from '../../../domain/events/ingestion.ts';
import type {UpstreamEvent} from '../../../domain/events/upstream-event.ts';
import {inTime} from '../../../domain/in-time.ts';
import type {Clock} from '../../../domain/ports/clock.ts';
import type {EngineDirectory} from '../../../domain/ports/engine-directory.ts';
import type {Logger} from '../../../domain/ports/logger.ts';
import type {EngineIngress} from '../../../domain/ports/whatsapp-engine.ts';
import {FOR_STRANGERS, Intake} from '../intake.ts';

/** Where the events of HTTP engines enter: the path names the worker and the session, and the session's own key signs. */
export const INGESTION_PATH = '/api/events/waha/:worker/:session';

/** The contract's limit, far above any event: a worker only repeats what is refused as too large. */
const BODY_LIMIT_BYTES = 20 * 1024 * 1024;

/** Large bodies (over 64 KB) that are read at once; they take memory before anybody knows whether they are signed. */
const PER_ADDRESS = 8;
const IN_ALL = 24;

/** Workers wait for an answer without end; the contract gives it to them within five seconds. */
const ACCEPT_DEADLINE_MS = 4500;

const RECEIVED = Buffer.from('{"received":true}');
const RECEIVED_HEADERS = {
	'Content-Type': 'application/json; charset=utf-8',
	'Content-Length': RECEIVED.byteLength,
} as const;

const EMPTY = Buffer.alloc(0);

export interface IngestionDependencies {
	readonly ingestion: Ingestion;
	readonly ingress: EngineIngress;
	readonly workers: EngineDirectory;
	readonly ingestionSecret: string;
	readonly clock: Clock;
	readonly log: Logger;
}

/**
 * The whole chain of the ingestion route: an unknown worker is not listened to, nothing is parsed before its signature is verified,
 * and 2xx goes out only after the broker holds the event.
 */
export function ingestionChain(dependencies: IngestionDependencies): readonly RequestHandler[] {
	const {workers, ingestion, clock} = dependencies;
	// Of its own: whoever cannot sign can at least not get in the way of tenants.
	const intake = new Intake({clock, perSender: PER_ADDRESS, inAll: IN_ALL, ...FOR_STRANGERS});
	return [
		(request, _response, next) => {
			const known = workers.workers().some(({name}) => name === request.params['worker']);
			next(known ? undefined : new NotFoundError('Worker not found'));
		},
		// Signatures cover the bytes as sent: nothing is decompressed.
		...intake.around(
			(request) => request.ip ?? '',
			[express.raw({limit: BODY_LIMIT_BYTES, inflate: false, type: () => true})],
		),
		async (request, response) => {
			const event = readEvent(request, dependencies);
			// What is late goes on, and a repeat of it is harmless.
			await inTime(
				clock,
				ACCEPT_DEADLINE_MS,
				ingestion.accept(event),
				() => new BrokerUnavailableError(`not confirmed within ${ACCEPT_DEADLINE_MS} ms`),
			);
			response.writeHead(201, RECEIVED_HEADERS).end(RECEIVED);
		},
	];
}

function readEvent(request: Request, {ingress, ingestionSecret, log}: IngestionDependencies): UpstreamEvent {
	const {worker, session} = request.params as {readonly worker: string; readonly session: string};
	const body: unknown = request.body;
	const rawBody = Buffer.isBuffer(body) ? body : EMPTY;
	if (!ingress.verify(request.headers, rawBody, ingestionKey(ingestionSecret, session))) {
		log.warn({worker, session}, 'ingestion.signature.wrong');
		throw new UnauthenticatedError('The request is not signed with the key of this session');
	}
	const event = ingress.parse(rawBody);
	if (event.session !== session) {
		throw new ValidationError('session must be the one that the path names');
	}
	return event;
}
