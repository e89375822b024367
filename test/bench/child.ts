import {fork, type ChildProcess} from 'node:child_process';
import {once} from 'node:events';
import {join} from 'node:path';

/** A process of the bench itself, which does one thing and ends when it is disposed of. */
export class Child implements AsyncDisposable {
	readonly #process: ChildProcess;
	readonly #ended: Promise<unknown>;

	/** @param script in `processes/` */
	constructor(script: string) {
		this.#process = fork(join(import.meta.dirname, 'processes', script), {
			execArgv: ['--disable-warning=ExperimentalWarning'],
			// As JSON, NaN would arrive as null.
			serialization: 'advanced',
		});
		this.#ended = once(this.#process, 'exit');
	}

	get pid(): number {
		return this.#process.pid ?? 0;
	}

	tell(message: object | string): void {
		this.#process.send(message);
	}

	/** The next thing that it says. @throws it ended instead */
	async hear<T>(): Promise<T> {
		const ended = this.#ended.then(() => {
			throw new Error('a process of the bench ended too early');
		});
		const [message] = (await Promise.race([once(this.#process, 'message'), ended])) as [T];
		return message;
	}

	async [Symbol.asyncDispose](): Promise<void> {
		if (this.#process.connected) this.#process.disconnect();
		await this.#ended;
	}
}
