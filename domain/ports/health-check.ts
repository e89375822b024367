/** The dependencies whose absence is survived by waiting. */
export type Dependency = 'broker' | 'store' | 'redis' | 'engine';

/** Tells whether one dependency answers right now. */
export interface HealthCheck {
	readonly dependency: Dependency;
	/** Resolves when the dependency answers. @throws the reason when it does not, or when `signal` aborts first. */
	check(signal: AbortSignal): Promise<void>;
}
