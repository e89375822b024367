import {execFileSync} from 'node:child_process';
import {readFileSync} from 'node:fs';

/** What a process has used; read from `/proc`, so these figures exist on Linux only. */
export interface ProcessUsage {
	readonly cpuSeconds: number;
	readonly rssMb: number;
	readonly peakRssMb: number;
}

const TICKS_PER_SECOND = Number(execFileSync('getconf', ['CLK_TCK']).toString());

export function usageOf(pid: number): ProcessUsage {
	const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
	const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
	const status = readFileSync(`/proc/${pid}/status`, 'utf8');
	const megabytes = (name: string): number => Number(new RegExp(`${name}:\\s+(\\d+) kB`).exec(status)?.[1] ?? 0) / 1024;
	return {
		cpuSeconds: (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND,
		rssMb: megabytes('VmRSS'),
		peakRssMb: megabytes('VmHWM'),
	};
}
