import {z} from 'zod';
import type {ConnectionStatus} from '../../../domain/connections/connection.ts';
import type {Infrastructure, WorkerLoad} from '../../../domain/workers/infrastructure-overview.ts';

const percent = z.int().meta({description: 'In percent', example: 42});

const WorkerResource = z.object({
	id: z.string(),
	podName: z.string().meta({description: 'The operator’s name for it'}),
	status: z
		.enum(['provisioning', 'active', 'draining'])
		.meta({description: '`active` = gets sessions. Workers of the configuration always do'}),
	currentSessions: z.int().meta({description: 'Places taken'}),
	maxSessions: z.int(),
	utilization: percent,
	actualSessions: z.int().nullable().meta({description: 'Sessions that run there; null = it does not answer'}),
});

/** Workers, how full they are, and the connections of all users. */
export const InfrastructureResource = z
	.object({
		workers: z.array(WorkerResource),
		summary: z.object({
			totalWorkers: z.int().meta({description: 'Active ones'}),
			drainingWorkers: z.int(),
			totalCapacity: z.int(),
			totalUsed: z.int(),
			remainingSlots: z.int(),
			utilization: percent,
		}),
		userSessions: z.object({
			total: z.int().meta({description: 'Connections that are not deleted'}),
			byStatus: z
				.record(z.string(), z.int())
				.meta({description: 'Here a connected one is `working`', example: {working: 12, scan_qr: 1}}),
		}),
	})
	.meta({id: 'Infrastructure'});

export function presentInfrastructure({workers, connections}: Infrastructure): z.input<typeof InfrastructureResource> {
	const totalCapacity = sum(workers.map(({worker}) => worker.capacity));
	const totalUsed = sum(workers.map(({places}) => places));
	return {
		workers: workers.map(presentWorker),
		summary: {
			totalWorkers: workers.length,
			drainingWorkers: 0,
			totalCapacity,
			totalUsed,
			remainingSlots: Math.max(0, totalCapacity - totalUsed),
			utilization: toPercent(totalUsed, totalCapacity),
		},
		userSessions: {
			total: sum(Object.values(connections)),
			byStatus: Object.fromEntries(
				Object.entries(connections).map(([status, count]) => [internalWord(status as ConnectionStatus), count]),
			),
		},
	};
}

function presentWorker({worker, places, sessions}: WorkerLoad): z.input<typeof WorkerResource> {
	return {
		id: worker.id,
		podName: worker.name,
		status: 'active',
		currentSessions: places,
		maxSessions: worker.capacity,
		utilization: toPercent(places, worker.capacity),
		actualSessions: sessions,
	};
}

/** The one place where the contract has the engine's word. */
function internalWord(status: ConnectionStatus): string {
	return status === 'connected' ? 'working' : status;
}

function sum(numbers: readonly number[]): number {
	return numbers.reduce((total, number) => total + number, 0);
}

function toPercent(part: number, whole: number): number {
	return whole === 0 ? 0 : Math.round((part / whole) * 100);
}
