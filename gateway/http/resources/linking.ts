import {z} from 'zod';
import type {Linkable, LinkState} from '../../../domain/connections/linking.ts';
import type {QrCode} from '../../../domain/ports/whatsapp-engine.ts';
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

/** What to type into the phone. */
export const PairingCodeResource = z.object({code: z.string()}).meta({id: 'PairingCode'});

export function presentQr(state: LinkState): z.input<typeof QrResource> {
	if (state.kind === 'connected') {
		return {connected: true, reason: 'linked', expiresAt: null};
	}
	const {value, expiresAt} = presentCode(state.qr);
	return {value, mimetype: 'image/png', expiresAt, reason: 'waiting_for_scan'};
}

export function presentLinkable({connection: {id}, state}: Linkable): z.input<typeof LinkableResource> {
	if (state?.kind === 'qr') {
		const {value, expiresAt} = presentCode(state.qr);
		return {id, status: 'scan_qr', qr: value, expiresAt};
	}
	return {id, status: state === undefined ? 'pending' : 'connected', qr: null, expiresAt: null};
}

function presentCode({png, expiresAt}: QrCode): {value: string; expiresAt: string | null} {
	return {value: png.toString('base64'), expiresAt: expiresAt?.toISOString() ?? null};
}
