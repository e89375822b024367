import type {FakeWaha} from '../support/fake-waha.ts';
import type {Post} from './ledger.ts';
import {messageOf} from './message.ts';

/** How often is looked for events that are due. */
const TICK_MS = 10;
const CHATS = 5;

/** A steady stream of incoming messages, in turns for each session, posted as WAHA does it: signed, and again until accepted. */
export class Traffic implements Disposable {
	readonly posts: Post[] = [];
	readonly #waha: FakeWaha;
	readonly #sessions: readonly string[];
	readonly #pending = new Set<Promise<void>>();
	#timer: NodeJS.Timeout | undefined;

	/** @param sessions one for each tenant */
	constructor({waha, sessions}: {waha: FakeWaha; sessions: readonly string[]}) {
		this.#waha = waha;
		this.#sessions = sessions;
	}

	/** How many events were accepted so far. */
	get accepted(): number {
		return this.posts.filter(({acceptedAtMs}) => acceptedAtMs !== undefined).length;
	}

	/** @param perSecond events of all tenants together; a late timer is made up for */
	start(perSecond: number): void {
		const startedAtMs = performance.now();
		const before = this.posts.length;
		this.#timer = setInterval(() => {
			const due = before + Math.floor(((performance.now() - startedAtMs) / 1000) * perSecond);
			while (this.posts.length < due) this.post();
		}, TICK_MS);
	}

	/** Posts nothing more; resolves when everything posted was accepted or given up. */
	async stop(): Promise<void> {
		clearInterval(this.#timer);
		await Promise.all(this.#pending);
	}

	/** Posts nothing more; what is under way is forgotten with the engine. */
	[Symbol.dispose](): void {
		clearInterval(this.#timer);
	}

	/** One more event. @returns its number */
	post(): number {
		const n = this.posts.length;
		const tenant = n % this.#sessions.length;
		const chat = `1555000${Math.floor(n / this.#sessions.length) % CHATS}@c.us`;
		const post: Post = {n, tenant, chat, postedAtMs: performance.now(), acceptedAtMs: undefined};
		this.posts.push(post);
		const sent = this.#send(post).finally(() => this.#pending.delete(sent));
		this.#pending.add(sent);
		return n;
	}

	async #send(post: Post): Promise<void> {
		const {n, tenant, chat: from} = post;
		const results = await this.#waha.emit(this.#sessions[tenant] ?? '', messageOf({n, from}));
		if (results.every(({delivered}) => delivered)) post.acceptedAtMs = performance.now();
	}
}
