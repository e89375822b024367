/** One WAHA worker as `WAHA_WORKERS` names it. */
export interface WorkerSettings {
	/** The operator's name; part of the ingestion URL. */
	readonly name: string;
	/** Base URL without credentials and query. */
	readonly url: string;
	readonly apiKey: string;
	readonly engine: 'NOWEB' | 'GOWS' | 'WEBJS';
	readonly capacity: number;
}

const ENGINES = ['NOWEB', 'GOWS', 'WEBJS'] as const;
const DEFAULT_ENGINE = 'GOWS';
const DEFAULT_CAPACITY = 50;

/**
 * Reads `WAHA_WORKERS`: comma-separated URLs `http://NAME:APIKEY@host:port?capacity=50&engine=GOWS`. Name defaults to host:port,
 * key to `WAHA_API_KEY`, capacity to 50, engine to GOWS.
 * @param faults what is wrong is added here
 */
export function parseWorkers(
	value: string | undefined,
	defaultApiKey: string | undefined,
	faults: string[],
): readonly WorkerSettings[] {
	const workers: WorkerSettings[] = [];
	for (const [index, item] of (value ?? '')
		.split(',')
		.map((text) => text.trim())
		.filter(Boolean)
		.entries()) {
		const label = `WAHA_WORKERS[${index}]`;
		if (!URL.canParse(item) || !/^https?:/.test(item)) {
			faults.push(`${label} must be a URL like http://NAME:APIKEY@host:3000?capacity=50&engine=GOWS`);
			continue;
		}
		workers.push(parseWorker(new URL(item), label, defaultApiKey, faults));
	}
	const names = new Set(workers.map(({name}) => name));
	if (names.size < workers.length) {
		faults.push('WAHA_WORKERS has two workers of one name: give each its own');
	}
	return workers;
}

function parseWorker(url: URL, label: string, defaultApiKey: string | undefined, faults: string[]): WorkerSettings {
	const [name, password] = [decode(url.username), decode(url.password)];
	if (name === undefined || password === undefined) {
		faults.push(`${label} has a % in its name or key that encodes nothing: write %25 for it`);
	}
	const apiKey = password === '' ? defaultApiKey : password;
	if (password === '' && apiKey === undefined) {
		faults.push(`${label} has no API key: put it into the URL (http://NAME:APIKEY@host) or set WAHA_API_KEY`);
	}
	const engineName = url.searchParams.get('engine') ?? DEFAULT_ENGINE;
	const engine = ENGINES.find((known) => known === engineName.toUpperCase());
	if (engine === undefined) {
		faults.push(`${label} has engine ${engineName}: use one of ${ENGINES.join(', ')}`);
	}
	const capacity = Number(url.searchParams.get('capacity') ?? DEFAULT_CAPACITY);
	if (!Number.isInteger(capacity) || capacity < 1) {
		faults.push(`${label} must have a capacity of 1 or more`);
	}
	return {
		name: name === undefined || name === '' ? url.host : name,
		url: `${url.protocol}//${url.host}${url.pathname.replace(/\/+$/, '')}`,
		apiKey: apiKey ?? '',
		engine: engine ?? DEFAULT_ENGINE,
		capacity,
	};
}

/** Percent-encoded text in clear; undefined when it is no such text. */
function decode(text: string): string | undefined {
	try {
		return decodeURIComponent(text);
	} catch {
		return undefined;
	}
}
