import {z} from 'zod';

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
