interface StoredFile {
	readonly bytes: Buffer;
	readonly contentType: string;
	readonly expiresAtMs: number;
}

/** What WAHA says of itself unless it is told its address. */
const OWN_URL = 'http://localhost:3000';

const EXTENSIONS: Readonly<Record<string, string>> = {
	'image/jpeg': 'jpeg',
	'image/png': 'png',
	'image/webp': 'webp',
	'video/mp4': 'mp4',
	'audio/ogg': 'oga',
	'audio/mpeg': 'mp3',
	'application/pdf': 'pdf',
	'text/plain': 'txt',
};

/** The files that a WAHA has downloaded; it forgets them after their lifetime. */
export class FakeFiles {
	readonly #lifetimeMs: number;
	readonly #files = new Map<string, StoredFile>();

	constructor({lifetimeMs}: {lifetimeMs: number}) {
		this.#lifetimeMs = lifetimeMs;
	}

	/** Keeps a file and tells its URL, which names a host that nobody else reaches. */
	put(session: string, fileId: string, mimetype: string, bytes: Buffer): string {
		// An unknown type really gives `.false`.
		const name = `${fileId}.${EXTENSIONS[mimetype.replace(/;.*$/, '')] ?? 'false'}`;
		const contentType = mimetype.replace(/;.*$/, '');
		this.#files.set(`${session}/${name}`, {bytes, contentType, expiresAtMs: Date.now() + this.#lifetimeMs});
		return `${OWN_URL}/api/files/${session}/${name}`;
	}

	/** What is left after a restart. */
	clear(): void {
		this.#files.clear();
	}

	/** Undefined once it is forgotten. */
	find(session: string, name: string): Pick<StoredFile, 'bytes' | 'contentType'> | undefined {
		const file = this.#files.get(`${session}/${name}`);
		return file !== undefined && file.expiresAtMs > Date.now() ? file : undefined;
	}
}
