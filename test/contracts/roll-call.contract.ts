import type {TestFn} from 'ava';
import type {RollCall} from '../../domain/ports/roll-call.ts';

export interface RollCallFixture extends AsyncDisposable {
	/** One per process; only one where there is only one process. */
	readonly processes: readonly RollCall[];
}

export interface RollCallHarness {
	start(): Promise<RollCallFixture>;
}

/** What every adapter of the `RollCall` port promises. */
export function rollCallContract(test: TestFn, harness: RollCallHarness): void {
	test('everybody who attends answers every question, the asker too', async (t) => {
		await using fixture = await harness.start();
		const {processes} = fixture;
		for (const [index, process] of processes.entries()) await process.attend((question) => `${question} ${index}`);
		for (const [asker, process] of processes.entries()) {
			const question = `Grüße von ${asker}`;
			const {answers, missing} = await process.ask(question);
			t.deepEqual(
				[...answers].sort(),
				processes.map((_, index) => `${question} ${index}`),
			);
			t.is(missing, 0);
		}
	});

	test('questions that are asked at once are not mixed up', async (t) => {
		await using fixture = await harness.start();
		const {processes} = fixture;
		for (const process of processes) await process.attend((question) => question);
		const asked = Array.from({length: 50}, (_, index) => String(index));
		const answers = await Promise.all(
			asked.map(async (question, index) => (await processes[index % processes.length]?.ask(question))?.answers),
		);
		t.deepEqual(
			answers,
			asked.map((question) => processes.map(() => question)),
		);
	});

	test('who attends no more is not waited for', async (t) => {
		await using fixture = await harness.start();
		const {processes} = fixture;
		const attendances = [];
		for (const process of processes) attendances.push(await process.attend(() => 'here'));
		await attendances.at(-1)?.[Symbol.asyncDispose]();
		const asked = await processes[0]?.ask('who?');
		t.is(asked?.answers.length, processes.length - 1);
		t.is(asked?.missing, 0);
	});
}
