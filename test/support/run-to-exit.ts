import {spawn} from 'node:child_process';
import {once} from 'node:events';
import {join} from 'node:path';

const ENTRY = join(import.meta.dirname, '../../gateway/main.ts');

/** How a process ended that was not meant to go on. */
export interface Exit {
	readonly code: number | null;
	readonly stderr: string;
}

/** Starts the program and waits for its end; nothing else of the environment is passed on but PATH. */
export async function runToExit(env: Readonly<Record<string, string>>, roles?: string): Promise<Exit> {
	const args = ['--disable-warning=ExperimentalWarning', ENTRY, ...(roles === undefined ? [] : [roles])];
	const child = spawn(process.execPath, args, {
		env: {PATH: process.env['PATH'] ?? '', PORT: '0', ...env},
		stdio: ['ignore', 'ignore', 'pipe'],
		timeout: 60_000,
	});
	let stderr = '';
	child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
	const [code] = (await once(child, 'close')) as [number | null];
	return {code, stderr};
}
