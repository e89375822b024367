import type {Platform} from './platform.ts';
import {Program} from './program.ts';
import {Sink} from './sink.ts';

/** So much of what the program printed is shown when a measure fails. */
const KEPT_OUTPUT = 6000;

/** What a measure has to work with. */
export interface Stage {
	readonly platform: Platform;
	/** Messages that a quorum queue confirms in a second: the yardstick on either platform; undefined = no RabbitMQ to measure with. */
	readonly measureQuorum: (() => Promise<number>) | undefined;
	/** Smaller numbers and shorter times: to see that it works, not for figures. */
	readonly isQuick: boolean;
	/** NODE_OPTIONS of the program under test. */
	readonly nodeOptions: string;
	readonly say: (progress: string) => void;
}

/** One line of the final table. */
export interface Figure {
	readonly what: string;
	readonly measured: string;
	/** What is wanted; absent = shown for comparison only. */
	readonly wanted?: string;
	readonly isMet?: boolean;
}

/** One of `npm run bench`'s parts. */
export type Measure = (stage: Stage) => Promise<readonly Figure[]>;

/** A program and a sink of their own for as long as `work` takes. */
export async function onStage<T>(
	{platform, nodeOptions, say}: Stage,
	work: (program: Program, sink: Sink) => Promise<T>,
): Promise<T> {
	await using sink = await Sink.start();
	await using program = await Program.start(platform, nodeOptions);
	try {
		return await work(program, sink);
	} catch (error) {
		for (const {output} of program.processes) say(`the program said last:\n${output.slice(-KEPT_OUTPUT)}`);
		throw error;
	}
}

/** How long a run warms up and is measured. */
export function durationsOf({isQuick}: Stage): {warmUpMs: number; forMs: number} {
	return isQuick ? {warmUpMs: 1000, forMs: 2000} : {warmUpMs: 3000, forMs: 10_000};
}
