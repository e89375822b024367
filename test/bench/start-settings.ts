import {readFile} from 'node:fs/promises';
import {join} from 'node:path';

const ROOT = join(import.meta.dirname, '../..');

/** What a process of the program is started with, beside its configuration. */
export interface StartSettings {
	/** Limits of the runtime, as for NODE_OPTIONS. */
	readonly nodeOptions: readonly string[];
	/** Of the runtime and the system's libraries. */
	readonly env: Readonly<Record<string, string>>;
}

/** Those of `npm start`. */
export async function settingsOfStart(): Promise<StartSettings> {
	const {scripts} = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8')) as {scripts: {start: string}};
	return {nodeOptions: limits(scripts.start.split(' ')), env: {}};
}

/** Those of the image that Compose and clusters run. */
export async function settingsOfImage(): Promise<StartSettings> {
	const lines = (await readFile(join(ROOT, 'deploy/Dockerfile'), 'utf8')).split('\n');
	const last = (instruction: string): string =>
		lines.findLast((line) => line.startsWith(`${instruction} `))?.slice(instruction.length + 1) ?? '';
	const env = last('ENV')
		.split(' ')
		.map((pair) => pair.split('=') as [string, string]);
	return {nodeOptions: limits(JSON.parse(last('ENTRYPOINT')) as readonly string[]), env: Object.fromEntries(env)};
}

function limits(words: readonly string[]): readonly string[] {
	return words.filter((word) => word.startsWith('--max-'));
}
