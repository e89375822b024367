import type {Topology} from '../domain/broker/topology.ts';
import type {Clock} from '../domain/ports/clock.ts';
import type {ScopedLogger} from '../domain/ports/logger.ts';
import type {DataDirectory} from './data-dir.ts';
import type {Config} from './env.ts';
import type {Infrastructure} from './infrastructure.ts';

/** What wiring starts from: made before anything is wired. */
export interface ContainerOptions {
	readonly config: Config;
	readonly version: string;
	readonly clock: Clock;
	readonly log: ScopedLogger;
	readonly topology: Topology;
	readonly infrastructure: Infrastructure;
	readonly dataDirectory: () => DataDirectory;
	/** Factories push what must be closed; it is closed last in, first out. */
	readonly resources: AsyncDisposableStack;
}
