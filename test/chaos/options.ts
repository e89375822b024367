/** What a run of chaos is to be like. */
export interface ChaosOptions {
	/** MongoDB and Redis; RabbitMQ is a node of the run's own. Absent = the embedded default in one process. */
	readonly urls?: {readonly mongodb: string; readonly redis: string};
	/** How long faults go on at least: a round of them that began is finished, and each role is killed once. */
	readonly forMs: number;
	/** Events of all tenants together; each goes to four webhooks. */
	readonly eventsPerSecond: number;
	/** Between two kills. */
	readonly killEveryMs: number;
	/** How long things stay away. */
	readonly awayMs: {readonly broker: number; readonly store: number; readonly endpoints: number};
	/** Between two of them. */
	readonly calmMs: number;
	/** Deliveries must go on this soon after RabbitMQ is back. */
	readonly resumeWithinMs: number;
	/** How long everything accepted may take to arrive, and then to be recorded, once the faults are over. */
	readonly settleWithinMs: number;
	readonly say: (line: string) => void;
	/** Breaks the run off. */
	readonly signal: AbortSignal;
}
