import {z} from 'zod';

/** A moment of our own objects: ISO 8601, UTC, with milliseconds. (Inside of WhatsApp's objects, times are Unix seconds.) */
export const moment = z.iso.datetime().meta({example: '2026-11-22T16:17:31.273Z'});

/** One that may not have come. */
export const nullableMoment = moment.nullable();
