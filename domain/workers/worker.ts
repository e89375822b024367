/** One host that runs an engine. */
export interface Worker {
	/** Opaque to tenants. */
	readonly id: string;
	/** The operator's name for it; part of the ingestion URL. */
	readonly name: string;
	readonly kind: 'waha' | 'simulator';
	/** `NOWEB`, `GOWS` or `WEBJS`. */
	readonly engine: string;
	/** How many sessions it may hold. */
	readonly capacity: number;
}
