import {z} from 'zod';
import {nullableMoment} from './moment.ts';

const expiresAt = nullableMoment.meta({description: 'When WhatsApp stops accepting the code; null = not told'});

/** What to scan, or that it is not needed. */
export const QrResource = z
	.union([
		z.object({
			value: z.base64().meta({description: 'A PNG, without a data: prefix'}),
			mimetype: z.literal('image/png'),
			expiresAt,
			reason: z.literal('waiting_for_scan'),
		}),
		z.object({connected: z.literal(true), expiresAt, reason: z.literal('linked')}),
	])
	.meta({id: 'Qr'});

/** A connection that is free to be linked. */
export const LinkableResource = z
	.object({
		id: z.uuid(),
		status: z.enum(['pending', 'scan_qr', 'connected']),
		qr: z.base64().nullable().meta({description: 'A PNG, without a data: prefix'}),
		expiresAt,
	})
	.meta({id: 'Linkable'});

export const PairingCodeResource = z.object({code: z.string()}).meta({id: 'PairingCode'});

/** The engine's table. */
export const CapabilitiesResource = z
	.object({
		engine: z.string(),
		operations: z.record(
			z.string(),
			z.object({level: z.enum(['yes', 'no', 'degraded']), note: z.string().exactOptional()}),
		),
	})
	.meta({id: 'Capabilities'});
