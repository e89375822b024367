import {spawn} from 'node:child_process';
import {once} from 'node:events';
import {join} from 'node:path';

const ENTRY = join(import.meta.dirname, '../../gateway/main.ts');

/** How a process ended that was not meant to go on. */
export interface Exit {
	readonly code: number | null;
	readonly stderr: string;
	readonly tookMs: number;
}

/**
 * Starts the program and waits for its end; nothing else of the environment is passed on but PATH.
 * @param maxFileBlocks how large files may become, as `ulimit -f` takes it: larger ones meet what a full disk is
 */
export async function runToExit(
	env: Readonly<Record<string, string>>,
	roles?: string,
	maxFileBlocks: number | 'unlimited' = 'unlimited',
): Promise<Exit> {
	const args = ['--disable-warning=ExperimentalWarning', ENTRY, ...(roles === undefined ? [] : [roles])];
	const child = spawn('sh', ['-c', `ulimit -f ${maxFileBlocks}; exec "$@"`, 'sh', process.execPath, ...args], {
		env: {PATH: process.env['PATH'] ?? '', PORT: '0', ...env},
		stdio: ['ignore', 'ignore', 'pipe'],
		timeout: 100_000,
	});
	const startedAt = performance.now();
	let stderr = '';
	child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
	const [code] = (await once(child, 'close')) as [number | null];
	return {code, stderr, tookMs: performance.now() - startedAt};
}
