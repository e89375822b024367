import {ConflictError} from '../errors.ts';
import type {PreparedEvent} from '../events/envelope.ts';
import type {Webhook} from './webhook.ts';

/**
 * So long after it was asked for, a switch takes effect. Two dispatchers decide for each event which of them delivers it, from webhooks
 * that are five seconds stale at most: by then both know.
 */
export const SWITCH_DELAY_MS = 10_000;

/** Switches are remembered this long: no event waits longer for the dispatcher that has to decide. */
const REMEMBERED_MS = 7 * 24 * 60 * 60_000;
const MAX_SWITCHES = 50;

/** What an owner says: events of one chat come in their order, or all as fast as they can. */
export type Ordered = 'chat' | false;

/** What an owner said last; it may not have taken effect yet. */
export function orderedOf({orderSwitchesMs}: Pick<Webhook, 'orderSwitchesMs'>): Ordered {
	return isOn(orderSwitchesMs.length) ? 'chat' : false;
}

/** Whether the order of an event's chat is kept. Depends on nothing but these two, so that everybody comes to the same result. */
export function isOrderedFor(
	{orderSwitchesMs}: Pick<Webhook, 'orderSwitchesMs'>,
	{receivedAtMs}: Pick<PreparedEvent, 'receivedAtMs'>,
): boolean {
	return isOn(orderSwitchesMs.filter((atMs) => atMs <= receivedAtMs).length);
}

/**
 * The switches of a webhook after its owner said what he wants.
 * @throws {ConflictError} it was switched too often lately
 */
export function switchOrder(before: readonly number[], ordered: Ordered, nowMs: number): readonly number[] {
	const remembered = withoutForgotten(before, nowMs);
	if (isOn(before.length) === (ordered === 'chat')) {
		return remembered;
	}
	if (remembered.length >= MAX_SWITCHES) {
		throw new ConflictError(`ordered was switched ${MAX_SWITCHES} times in a week: wait some days`);
	}
	// Ascending, whatever the clocks of the gateways say.
	return [...remembered, Math.max(nowMs + SWITCH_DELAY_MS, (before.at(-1) ?? 0) + 1)];
}

/** It begins unordered and changes with each switch. */
function isOn(switches: number): boolean {
	return switches % 2 === 1;
}

/** On and off again, both long ago, makes no difference any more. */
function withoutForgotten(switches: readonly number[], nowMs: number): readonly number[] {
	const past = switches.filter((atMs) => atMs < nowMs - REMEMBERED_MS).length;
	return switches.slice(past - (past % 2));
}
