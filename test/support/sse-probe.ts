import {EventSource} from 'eventsource';
import {eventually} from './eventually.ts';
import type {ProbeFrame} from './stream-probe.ts';

/** One real EventSource, as browsers have it, that notes what it gets and comes back by itself. */
export class SseProbe implements Disposable {
	readonly source: EventSource;
	readonly frames: ProbeFrame[] = [];
	/** The `Last-Event-ID` of each event. */
	readonly lastIds: string[] = [];
	readonly closings: {readonly code: number; readonly reason: string}[] = [];
	/** HTTP statuses of failed attempts; undefined = the connection was lost. */
	readonly failures: (number | undefined)[] = [];

	/** @param token goes into the `Authorization` header; absent = the URL says it */
	constructor(url: string, token?: string) {
		this.source = new EventSource(url, {
			fetch: (address, init) =>
				fetch(address, {
					...init,
					headers: {...init.headers, ...(token !== undefined && {authorization: `Bearer ${token}`})},
				}),
		});
		this.source.addEventListener('message', ({data, lastEventId}: MessageEvent) => {
			this.frames.push(JSON.parse(data as string) as ProbeFrame);
			this.lastIds.push(lastEventId);
		});
		this.source.addEventListener('gap', ({data}: MessageEvent) => {
			this.frames.push(JSON.parse(data as string) as ProbeFrame);
		});
		this.source.addEventListener('closing', ({data}: MessageEvent) => {
			this.closings.push(JSON.parse(data as string) as (typeof this.closings)[number]);
		});
		this.source.addEventListener('error', ({code}) => {
			this.failures.push(code);
		});
	}

	get ids(): readonly string[] {
		return this.frames.flatMap(({id}) => id ?? []);
	}

	get gaps(): readonly ProbeFrame[] {
		return this.frames.filter(({type}) => type === 'gap');
	}

	async opened(): Promise<void> {
		await eventually(() => this.source.readyState === EventSource.OPEN);
	}

	/** Resolves when all these events have come. */
	async received(ids: readonly string[]): Promise<void> {
		await eventually(() => {
			const got = new Set(this.ids);
			const missing = ids.filter((id) => !got.has(id));
			if (missing.length > 0) throw new Error(`${missing.length} of ${ids.length} events are missing`);
		});
	}

	[Symbol.dispose](): void {
		this.source.close();
	}
}
