import {SetupError} from './errors.ts';
import type {Logger} from './ports/logger.ts';
import type {MarkStore} from './ports/mark-store.ts';
import type {WebhookStore} from './ports/webhook-store.ts';
import type {SecretBox} from './secret-box.ts';

/** The mark that holds something sealed with the store's key. */
const MARK = 'encryption-key';
const PLAIN = 'wahooks';

/** Of a store without the mark, so many secrets are tried: some may be of an even older key. */
const MAX_SECRETS = 100;

const WRONG_KEY =
	'ENCRYPTION_KEY is not the one this store was written with: set that one (it may be in DATA_DIR/encryption.key, or in a backup of it). ' +
	'If it is lost, start once with ENCRYPTION_KEY_LOST=yes, then give every webhook a new secret (POST /api/webhooks/:id/rotate-secret) and its headers again';

/**
 * Makes sure that what the store holds can be opened before anything is written with another key. A store that is new, or of a version
 * before this check, is marked with the key; several processes may do so at once.
 * @param options.isLost the key is gone for good: the store takes this one, if it has another
 * @throws {SetupError} the store has another key @throws {StoreUnavailableError}
 */
export async function checkEncryptionKey(options: {
	marks: MarkStore;
	webhooks: WebhookStore;
	secretBox: SecretBox;
	isLost: boolean;
	log: Logger;
}): Promise<void> {
	const {marks, webhooks, secretBox, isLost, log} = options;
	const mark = await marks.find(MARK);
	if (mark === undefined ? await opensSome(webhooks, secretBox) : secretBox.canOpen(mark)) {
		const kept = mark ?? (await marks.keep(MARK, secretBox.seal(PLAIN)));
		if (secretBox.canOpen(kept)) return;
	}
	if (!isLost) {
		throw new SetupError(WRONG_KEY);
	}
	await marks.replace(MARK, secretBox.seal(PLAIN));
	log.warn({advice: 'unset ENCRYPTION_KEY_LOST'}, 'encryption.key.replaced');
}

/** Also where there is nothing to open. */
async function opensSome(webhooks: WebhookStore, secretBox: SecretBox): Promise<boolean> {
	const some = await webhooks.listSome(MAX_SECRETS);
	return some.length === 0 || some.some(({sealedSecret}) => secretBox.canOpen(sealedSecret));
}
