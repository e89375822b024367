import {lookup as systemLookup, type LookupAddress} from 'node:dns';
import type {LookupFunction} from 'node:net';
import type {AddressGuard} from './address-guard.ts';

/** Resolves a name to all its addresses; `dns.lookup` with `{all: true}`. @throws an error with a DNS `code`. */
export type ResolveName = (hostname: string) => Promise<readonly LookupAddress[]>;

/** The name was resolved, and no address that came out may be called. Says nothing about them: tenants read it. */
class BlockedAddressError extends Error {
	override readonly name = 'BlockedAddressError';
	readonly code = 'EBLOCKED';
}

/**
 * A `lookup` for sockets that hands over allowed addresses only. The socket connects to what it was given (Node resolves no
 * second time), so a name cannot show one address to the check and another to the connection.
 *
 * Connections to one name that open at the same time share one resolution: `dns.lookup` runs on the few threads
 * of the pool, and a name server that does not answer must not take them all.
 */
export function guardedLookup(guard: AddressGuard, resolveName: ResolveName = resolveBySystem): LookupFunction {
	const running = new Map<string, Promise<readonly LookupAddress[]>>();

	const resolve = (hostname: string): Promise<readonly LookupAddress[]> => {
		let addresses = running.get(hostname);
		if (addresses === undefined) {
			addresses = resolveName(hostname).finally(() => running.delete(hostname));
			running.set(hostname, addresses);
		}
		return addresses;
	};

	return (hostname, options, callback) => {
		resolve(hostname).then(
			(addresses) => {
				const allowed = addresses.filter(({address}) => guard.allows(address));
				const [first] = allowed;
				if (first === undefined) {
					callback(new BlockedAddressError(`${hostname} has no address that may be called`), '', 0);
				} else if (options.all === true) {
					callback(null, allowed);
				} else {
					callback(null, first.address, first.family);
				}
			},
			(error: unknown) => {
				callback(error as NodeJS.ErrnoException, '', 0);
			},
		);
	};
}

function resolveBySystem(hostname: string): Promise<readonly LookupAddress[]> {
	return new Promise((resolve, reject) => {
		systemLookup(hostname, {all: true}, (error, addresses) => {
			if (error === null) {
				resolve(addresses);
			} else {
				reject(error);
			}
		});
	});
}
