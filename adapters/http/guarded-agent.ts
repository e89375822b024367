import {Agent} from 'undici';
import type {AddressGuard} from './address-guard.ts';
import {guardedLookup, type ResolveName} from './guarded-lookup.ts';

/** A host that drops packets is told from a slow one before most deadlines. */
const CONNECT_TIMEOUT_MS = 10_000;
/** Before another address of the same host is tried; Node's own 250 ms fail servers on the other side of the world. */
const NEXT_ADDRESS_MS = 1000;

/**
 * Connections to addresses that `guard` allows, checked when a socket connects. As many per origin as are asked for: those who hang
 * must not make others on the same host wait.
 * @param options.resolveName default: the system's resolver
 */
export function guardedAgent({
	guard,
	resolveName,
	...options
}: {guard: AddressGuard; resolveName: ResolveName | undefined} & Omit<
	Agent.Options,
	'connections' | 'allowH2' | 'connect'
>): Agent {
	return new Agent({
		...options,
		connections: null,
		// A connection carries one exchange at a time, so that destroying it ends nobody else's.
		allowH2: false,
		connectTimeout: CONNECT_TIMEOUT_MS,
		autoSelectFamily: true,
		autoSelectFamilyAttemptTimeout: NEXT_ADDRESS_MS,
		connect: {lookup: guardedLookup(guard, resolveName)},
	});
}
