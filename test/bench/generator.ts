import {Child} from './child.ts';
import type {GeneratorResult, GeneratorTask} from './processes/generator.ts';

/** Whoever sends, in a process of its own; see `processes/generator.ts`. */
export class Generator implements AsyncDisposable {
	readonly #child = new Child('generator.ts');
	/** Of its task, which ends by `stop` unless it has an end of its own. */
	readonly result: Promise<GeneratorResult>;

	constructor(task: GeneratorTask) {
		this.#child.tell(task);
		this.result = this.#child.hear<GeneratorResult>();
		// Its failure is the business of whoever asks for the result.
		this.result.catch(() => undefined);
	}

	stop(): Promise<GeneratorResult> {
		this.#child.tell('stop');
		return this.result;
	}

	async [Symbol.asyncDispose](): Promise<void> {
		await this.#child[Symbol.asyncDispose]();
	}
}
