const MEGABYTE = 1024 * 1024;

/** A size as people read it: in MB (2^20 bytes), to one decimal; less than one in bytes. */
export function describeSize(bytes: number): string {
	return bytes >= MEGABYTE ? `${Math.round((bytes / MEGABYTE) * 10) / 10} MB` : `${bytes} bytes`;
}
