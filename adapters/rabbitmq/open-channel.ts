import type {Channel} from 'amqplib';
import type {Opened} from './lasting.ts';
import {withinTimeout} from './within-timeout.ts';

/**
 * Makes a channel safe to use: its end is noticed, however it comes, and never thrown into nowhere.
 * @param creating what `createChannel` or `createConfirmChannel` returned
 */
export async function openChannel<T extends Channel>(creating: Promise<T>): Promise<Opened<T>> {
	const channel = await creating;
	const lost = new Promise<unknown>((resolve) => {
		let reason: unknown = new Error('the connection was closed');
		channel.on('error', (error) => {
			reason = error;
		});
		channel.once('close', () => {
			resolve(reason);
		});
	});
	// The channel may have been closed before anybody listened; then this fails, and it counts as never opened.
	await channel.prefetch(0);
	return {
		value: channel,
		lost,
		// amqplib leaves the promise of `close` pending when the connection goes first.
		close: () => withinTimeout(Promise.race([channel.close(), lost])),
	};
}
