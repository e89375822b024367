import {createCipheriv, createDecipheriv, createHash, randomBytes} from 'node:crypto';

const VERSION = 'v1';
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** Encrypts what must not lie in a store in clear (webhook secrets, worker keys): AES-256-GCM, a fresh nonce each time. */
export class SecretBox {
	readonly #key: Buffer;

	/** @param encryptionKey any string with enough entropy; hashed to the 32 bytes that AES-256 takes */
	constructor(encryptionKey: string) {
		this.#key = createHash('sha256').update(encryptionKey).digest();
	}

	seal(plain: string): string {
		const nonce = randomBytes(NONCE_BYTES);
		const cipher = createCipheriv('aes-256-gcm', this.#key, nonce);
		const sealed = Buffer.concat([nonce, cipher.update(plain, 'utf8'), cipher.final(), cipher.getAuthTag()]);
		return `${VERSION}.${sealed.toString('base64url')}`;
	}

	/** @throws {Error} when it was sealed with another key or changed since; nothing can be read then. */
	open(sealed: string): string {
		const bytes = Buffer.from(sealed.slice(VERSION.length + 1), 'base64url');
		const decipher = createDecipheriv('aes-256-gcm', this.#key, bytes.subarray(0, NONCE_BYTES));
		decipher.setAuthTag(bytes.subarray(-TAG_BYTES));
		return decipher.update(bytes.subarray(NONCE_BYTES, -TAG_BYTES), undefined, 'utf8') + decipher.final('utf8');
	}

	/** False when it was sealed with another key or changed since. */
	canOpen(sealed: string): boolean {
		try {
			this.open(sealed);
			return true;
		} catch {
			return false;
		}
	}
}
