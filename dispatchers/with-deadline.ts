import type {Clock} from '../domain/ports/clock.ts';

/** Makes a call whose signal is aborted when it takes too long; to end then is the call's part. */
export async function withDeadline<T>(
	clock: Clock,
	timeoutMs: number,
	call: (deadline: AbortSignal) => Promise<T>,
): Promise<T> {
	const deadline = new AbortController();
	using _timer = clock.after(timeoutMs, () => {
		deadline.abort(new DOMException('took too long', 'TimeoutError'));
	});
	return await call(deadline.signal);
}
