/** The keys of every line; the others are the event's own fields. */
interface LogLine {
	readonly level: string;
	readonly time: string;
	readonly msg: string;
}

/** Turns a JSON line into one for people: `12:00:00.123 WARN  redis.lost host=… error=…`; stacks follow on lines of their own. */
export function toReadableLine(json: string): string {
	const {level, time, msg, ...fields} = JSON.parse(json) as LogLine & Record<string, unknown>;
	const stacks: string[] = [];
	const words = Object.entries(fields).map(([key, value]) => `${key}=${toWord(value, stacks)}`);
	const head = `${time.slice(11, 23)} ${level.toUpperCase().padEnd(5)} ${msg}`;
	return `${[head, ...words].join(' ')}\n${stacks.map((stack) => `${stack}\n`).join('')}`;
}

function toWord(value: unknown, stacks: string[]): string {
	if (typeof value === 'string') {
		return /^[^\s"=]+$/.test(value) ? value : JSON.stringify(value);
	}
	return JSON.stringify(value, (key, inner: unknown) => {
		if (key !== 'stack' || typeof inner !== 'string') {
			return inner;
		}
		stacks.push(inner);
		return undefined;
	});
}
