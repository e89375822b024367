import {readdirSync, readFileSync} from 'node:fs';
import {join} from 'node:path';

const FOLDER = join(import.meta.dirname, 'events');

/** A webhook body as WAHA posts it. */
export interface SampleEvent {
	/** `<event>[.<variant>].<engine>` */
	readonly name: string;
	readonly envelope: Readonly<Record<string, unknown>> & {
		readonly id: string;
		readonly event: string;
		readonly payload: unknown;
	};
}

/** Every sample of `test/support/events`. */
export function loadSampleEvents(): readonly SampleEvent[] {
	return readdirSync(FOLDER)
		.filter((file) => file.endsWith('.json'))
		.map((file) => ({
			name: file.replace(/\.json$/, ''),
			envelope: JSON.parse(readFileSync(join(FOLDER, file), 'utf8')) as SampleEvent['envelope'],
		}));
}
