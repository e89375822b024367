import {z} from 'zod';
import type {Usage} from '../../../domain/billing/usage-report.ts';

const date = z.iso.date().meta({example: '2026-11-22'});
const hours = z.number().meta({description: 'Hours in which a phone was connected', example: 23.75});
const sent = z.int().meta({description: 'Messages that went out, from the phone itself too', example: 12});
const received = z.int().meta({example: 30});

/** What connections were used for. */
export const UsageResource = z
	.object({
		from: date,
		to: date,
		totalHours: hours,
		activeConnections: z.int().meta({description: 'How many were connected, sent or received', example: 1}),
		sent,
		received,
		days: z
			.array(z.object({date, connectionId: z.uuid(), hours, sent, received}))
			.meta({description: 'By day (UTC) and connection; days of which there is nothing are left out'}),
	})
	.meta({id: 'Usage'});

export function presentUsage(usage: Usage): z.input<typeof UsageResource> {
	return {...usage, days: usage.days.map((day) => ({...day}))};
}

const COLUMNS = ['date', 'connectionId', 'hours', 'sent', 'received'] as const;

/** The days as a table (RFC 4180); nothing in it needs quotes. */
export function toCsv({days}: Usage): string {
	const rows = days.map((day) => COLUMNS.map((column) => String(day[column])));
	return [COLUMNS, ...rows].map((row) => `${row.join(',')}\r\n`).join('');
}
