import {messageKeyOf} from '../messaging/message-id.ts';

/**
 * Under this name the media store keeps what the file of a message is called: engines make up names of their own, and do not tell them
 * again. Tenants cannot ask for it, because of its slash.
 * @param messageId full, or WhatsApp's own key
 */
export function messageMediaName(messageId: string): string {
	return `message/${messageKeyOf(messageId)}`;
}
