import type {RollCall, RollCallAnswers} from '../../domain/ports/roll-call.ts';

/** The roll call of one process, which has itself only. */
export class MemoryRollCall implements RollCall {
	readonly #answers = new Set<(question: string) => string>();

	attend(answer: (question: string) => string): Promise<AsyncDisposable> {
		this.#answers.add(answer);
		return Promise.resolve({
			[Symbol.asyncDispose]: () => {
				this.#answers.delete(answer);
				return Promise.resolve();
			},
		});
	}

	ask(question: string): Promise<RollCallAnswers> {
		return Promise.resolve({answers: [...this.#answers].map((answer) => answer(question)), missing: 0});
	}

	[Symbol.asyncDispose](): Promise<void> {
		this.#answers.clear();
		return Promise.resolve();
	}
}
