import type {Outcome} from '../../domain/webhooks/delivery.ts';

/** An endpoint that refuses what it gets works all the same; one that does not answer, or has too much to do, does not. */
export function isAlive({state, result}: Outcome): boolean {
	const status = result?.status ?? 0;
	return state === 'delivered' || (status >= 300 && status < 500 && status !== 408 && status !== 429);
}
