import {z} from 'zod';
import type {Account, Connection} from '../../../domain/connections/connection.ts';
import {moment, nullableMoment} from './moment.ts';

/** Who is linked. */
export const AccountResource = z
	.object({
		id: z.string().meta({description: 'WhatsApp id of the linked account', example: '15550001111@c.us'}),
		pushName: z.string().nullable().meta({description: 'The name that contacts see', example: 'Shop'}),
	})
	.meta({id: 'Account'});

/** A linked (or to be linked) WhatsApp number. */
export const ConnectionResource = z
	.object({
		id: z.uuid(),
		userId: z.uuid(),
		workerId: z.uuid().nullable().meta({description: 'Opaque; null until a worker had room'}),
		name: z.string().nullable(),
		sessionName: z.string().meta({description: 'Its name in events', example: 'u_4b5c8a521f6f_s_0123456789ab'}),
		phoneNumber: z.string().nullable().meta({description: 'Bare digits, once linked', example: '15550001111'}),
		status: z.enum(['pending', 'scan_qr', 'connected', 'failed', 'suspended', 'stopped']).meta({
			description:
				'`suspended` = stopped because there are not enough slots, its phone stays linked; `stopped` = deleted: hidden from lists, still readable by id',
		}),
		engine: z.string().meta({example: 'GOWS'}),
		createdAt: moment,
		updatedAt: moment,
		me: AccountResource.nullable(),
		linkedAt: nullableMoment.meta({description: 'When it was first linked; null for one that never was'}),
	})
	.meta({id: 'Connection'});

/** `status` is already the public word (`connected`, never `working`). */
export function presentConnection(connection: Connection): z.input<typeof ConnectionResource> {
	return {
		id: connection.id,
		userId: connection.userId,
		workerId: connection.workerId,
		name: connection.name,
		sessionName: connection.sessionName,
		phoneNumber: connection.phoneNumber,
		status: isSuspended(connection) ? 'suspended' : connection.status,
		engine: connection.engine,
		createdAt: connection.createdAt.toISOString(),
		updatedAt: connection.updatedAt.toISOString(),
		me: connection.me === null ? null : presentAccount(connection.me),
		linkedAt: connection.linkedAt?.toISOString() ?? null,
	};
}

export function presentAccount({id, pushName}: Account): z.input<typeof AccountResource> {
	return {id, pushName};
}

/** Whatever its session reported last: a deleted one is nothing but deleted. */
function isSuspended({suspendedAt, deletedAt}: Connection): boolean {
	return suspendedAt !== null && deletedAt === null;
}
