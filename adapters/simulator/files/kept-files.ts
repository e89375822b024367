/** What one session keeps of files that were given to it. */
const MAX_KEPT_BYTES = 8 * 1024 * 1024;

/** The bytes of small files that were given, by their hash; the oldest go first, and all with the process. */
export class KeptFiles {
	readonly #files = new Map<string, Buffer>();
	#sizeBytes = 0;

	add(sha256: string, bytes: Buffer): void {
		this.#remove(sha256);
		this.#files.set(sha256, bytes);
		this.#sizeBytes += bytes.length;
		for (const oldest of this.#files.keys()) {
			if (this.#sizeBytes <= MAX_KEPT_BYTES) break;
			this.#remove(oldest);
		}
	}

	find(sha256: string): Buffer | undefined {
		return this.#files.get(sha256);
	}

	clear(): void {
		this.#files.clear();
		this.#sizeBytes = 0;
	}

	#remove(sha256: string): void {
		this.#sizeBytes -= this.#files.get(sha256)?.length ?? 0;
		this.#files.delete(sha256);
	}
}
