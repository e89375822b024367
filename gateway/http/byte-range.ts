import {RangeNotSatisfiableError} from '../../domain/errors.ts';
import type {ByteRange} from '../../domain/ports/media-store.ts';

/** Safe as a number, and more than any file has. */
const RANGE = /^bytes=(\d{0,15})-(\d{0,15})$/;

/**
 * What a `Range` header asks for of a file of `sizeBytes` (RFC 9110 §14.1.2). Undefined means the whole file: no header, one that
 * cannot be read, and one that asks for several parts, which a server may answer in full.
 * @throws {RangeNotSatisfiableError} none of it lies within the file
 */
export function readByteRange(header: string | undefined, sizeBytes: number): ByteRange | undefined {
	const [, first = '', last = ''] = RANGE.exec(header?.trim() ?? '') ?? [];
	if (first === '' && last === '') {
		return undefined;
	}
	if (first !== '' && last !== '' && Number(last) < Number(first)) {
		return undefined;
	}
	const start = first === '' ? Math.max(0, sizeBytes - Number(last)) : Number(first);
	const end = first === '' || last === '' ? sizeBytes - 1 : Math.min(Number(last), sizeBytes - 1);
	if (start >= sizeBytes) {
		throw new RangeNotSatisfiableError(sizeBytes);
	}
	return {start, end};
}
