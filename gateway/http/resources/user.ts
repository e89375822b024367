import {z} from 'zod';
import type {User} from '../../../domain/tokens/token.ts';
import {moment} from './moment.ts';

/** The caller himself. */
export const MeResource = z
	.object({
		id: z.uuid(),
		email: z.string().nullable(),
		name: z.string().nullable(),
		isAdmin: z.boolean(),
	})
	.meta({id: 'Me'});

export function presentMe({id, email, name, isAdmin}: User): z.input<typeof MeResource> {
	return {id, email, name, isAdmin};
}

/** A user as administrators see him. */
export const UserResource = MeResource.extend({
	disabled: z.boolean().meta({description: 'His tokens and sign-ins are refused'}),
	slots: z
		.int()
		.nullable()
		.meta({description: 'What an administrator gave him beside what he pays for; null = nothing ever', example: 5}),
	createdAt: moment,
}).meta({id: 'User'});

export function presentUser(user: User, slots: number | undefined): z.input<typeof UserResource> {
	const {disabled, createdAt} = user;
	return {...presentMe(user), disabled, slots: slots ?? null, createdAt: createdAt.toISOString()};
}
