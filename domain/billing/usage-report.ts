import type {Connection} from '../connections/connection.ts';
import {ValidationError} from '../errors.ts';
import type {Clock} from '../ports/clock.ts';
import type {ConnectionStore} from '../ports/connection-store.ts';
import type {UsageStore} from '../ports/usage-store.ts';
import {dateOf, daysUntil, type ConnectionUsage} from './connection-usage.ts';
import type {UsageRollUp} from './usage-roll-up.ts';

/** Whoever asks waits for so many events to be counted; of more, the rest is counted in the background. */
const MAX_EVENTS = 5000;

const HOUR_MS = 60 * 60_000;

/** One connection on one day. */
export interface UsageDay {
	/** `2026-03-27`, UTC. */
	readonly date: string;
	readonly connectionId: string;
	/** How long a phone was connected. */
	readonly hours: number;
	readonly sent: number;
	readonly received: number;
}

/** What a user's connections were used for, first and last day included. */
export interface Usage {
	readonly from: string;
	readonly to: string;
	readonly totalHours: number;
	/** How many connections were connected, sent or received. */
	readonly activeConnections: number;
	readonly sent: number;
	readonly received: number;
	/** By day and connection; days of which there is nothing are left out. */
	readonly days: readonly UsageDay[];
}

/** Tells users what they used. */
export class UsageReport {
	readonly #usage: Pick<UsageStore, 'listByUser'>;
	readonly #connections: Pick<ConnectionStore, 'find'>;
	readonly #rollUp: Pick<UsageRollUp, 'countFor'>;
	readonly #clock: Clock;

	constructor(options: {
		usage: Pick<UsageStore, 'listByUser'>;
		connections: Pick<ConnectionStore, 'find'>;
		rollUp: Pick<UsageRollUp, 'countFor'>;
		clock: Clock;
	}) {
		this.#usage = options.usage;
		this.#connections = options.connections;
		this.#rollUp = options.rollUp;
		this.#clock = options.clock;
	}

	/**
	 * @param range days (`2026-03-27`, UTC); default: until today, from the first of the month in which it ends
	 * @throws {ValidationError} it ends before it begins
	 */
	async of(
		userId: string,
		range: {readonly from?: string | undefined; readonly to?: string | undefined},
	): Promise<Usage> {
		const today = dateOf(this.#clock.now());
		const {to = today} = range;
		const {from = `${to.slice(0, 7)}-01`} = range;
		if (from > to) {
			throw new ValidationError(`from (${from}) must not be after to (${to})`);
		}
		await this.#rollUp.countFor(userId, MAX_EVENTS);
		const usages = await this.#usage.listByUser(userId);
		const days = (await Promise.all(usages.map((usage) => this.#daysOf(usage))))
			.flat()
			.filter(({date}) => date >= from && date <= to)
			.toSorted((a, b) => compare(a.date, b.date) || compare(a.connectionId, b.connectionId));
		return {
			from,
			to,
			totalHours: toHours(sum(days.map(({connectedMs}) => connectedMs))),
			activeConnections: new Set(days.map(({connectionId}) => connectionId)).size,
			sent: sum(days.map(({sent}) => sent)),
			received: sum(days.map(({received}) => received)),
			days: days.map(({connectedMs, ...day}) => ({...day, hours: toHours(connectedMs)})),
		};
	}

	async #daysOf(
		usage: ConnectionUsage,
	): Promise<readonly (Omit<UsageDay, 'hours'> & {readonly connectedMs: number})[]> {
		// Of a connection that is gone nobody says that its phone is not connected any more.
		const connection = usage.connectedSinceMs === null ? undefined : await this.#connections.find(usage.id);
		const days = daysUntil(usage, endOf(connection)?.getTime() ?? this.#clock.now());
		return Object.entries(days).map(([date, {connectedMs, messages, received}]) => ({
			date,
			connectionId: usage.id,
			connectedMs,
			sent: Math.max(0, messages - received),
			received,
		}));
	}
}

function endOf(connection: Connection | undefined): Date | null {
	return connection?.deletedAt ?? connection?.suspendedAt ?? null;
}

/** Two decimals: some seconds. */
function toHours(ms: number): number {
	return Math.round((ms / HOUR_MS) * 100) / 100;
}

function sum(numbers: readonly number[]): number {
	return numbers.reduce((total, number) => total + number, 0);
}

function compare(a: string, b: string): number {
	return a < b ? -1 : a > b ? 1 : 0;
}
