import {isStep, type TurnEnd} from './turn.ts';

/**
 * An endpoint that refuses what it gets works all the same; one that does not answer, or has too much to do, does not. Undefined where
 * nothing was attempted, which says nothing about it.
 */
export function isAlive(end: TurnEnd): boolean | undefined {
	if (!isStep(end) || end.result === undefined) {
		return undefined;
	}
	const status = end.result.status ?? 0;
	return end.state === 'delivered' || (status >= 300 && status < 500 && status !== 408 && status !== 429);
}
