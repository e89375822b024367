import {EngineError} from '../../domain/errors.ts';
import type {Seed} from './seed.ts';

/** WhatsApp's: no letter that looks like a digit. */
const ALPHABET = '123456789ABCDEFGHJKLMNPQRSTVWXYZ';

/** The next code to type into a phone, `ABCD-EFGH`. @throws {EngineError} RECIPIENT_INVALID for a number that cannot be */
export function pairingCode(codes: Seed, phone: string): string {
	if (!/^[1-9]\d{6,14}$/.test(phone)) {
		throw new EngineError('RECIPIENT_INVALID', 'phone must be 7 to 15 digits: the number with its country code');
	}
	const code = Array.from(codes.next().subarray(0, 8), (byte) => ALPHABET.charAt(byte % ALPHABET.length)).join('');
	return `${code.slice(0, 4)}-${code.slice(4)}`;
}
