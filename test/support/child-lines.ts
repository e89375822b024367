import {spawn} from 'node:child_process';
import {once} from 'node:events';
import {createInterface} from 'node:readline';

/** Runs a script in a process of its own and kills it (SIGKILL) when `until` says so, if it has not died before. @returns the lines that it printed */
export async function linesUntilKilled(
	script: URL,
	args: readonly string[],
	until: (lines: readonly string[]) => boolean,
): Promise<readonly string[]> {
	const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', script.pathname, ...args], {
		stdio: ['ignore', 'pipe', 'inherit'],
	});
	const exited = once(child, 'exit');
	const lines: string[] = [];
	for await (const line of createInterface(child.stdout)) {
		lines.push(line);
		if (until(lines)) child.kill('SIGKILL');
	}
	await exited;
	return lines;
}
