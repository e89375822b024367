import {MediaNotFoundError} from '../errors.ts';

const FORBIDDEN = /[/\\\0]/;

/**
 * The name of a file of a connection, as tenants ask for it.
 * @param filename already percent-decoded
 * @throws {MediaNotFoundError} 'Invalid filename' for one that could mean another place (contract: `..`, `/`, `\`, NUL)
 */
export function checkMediaName(filename: string): string {
	if (filename === '' || filename.includes('..') || FORBIDDEN.test(filename)) {
		throw new MediaNotFoundError('Invalid filename');
	}
	return filename;
}

/**
 * The name that a link's last part stands for, as a route will see it.
 * @returns undefined for a part that no route takes: it cannot be decoded, or `checkMediaName` refuses it
 */
export function mediaNameOf(pathSegment: string): string | undefined {
	try {
		return checkMediaName(decodeURIComponent(pathSegment));
	} catch {
		// A `%` that starts nothing, or an invalid name: either way nobody can ask for it.
		return undefined;
	}
}
