import {z} from 'zod';

/** The answer of what has nothing else to tell. */
export const SuccessResource = z.object({success: z.literal(true)}).meta({id: 'Success'});
