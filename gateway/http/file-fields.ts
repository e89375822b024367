import {z} from 'zod';
import {toDisplayName} from '../../domain/media/to-display-name.ts';
import {toMimetype} from '../../domain/media/to-mimetype.ts';
import type {OutboundFile} from '../../domain/messaging/outbound.ts';
import {line} from './fields.ts';
import {Upload} from './uploads/upload.ts';

/** Signed links to object stores are long. */
const MAX_URL_LENGTH = 8192;

const MAX_FILENAME_LENGTH = 255;

/** Why a URL must not be fetched, as far as its text tells. */
export type UrlRefusal = (url: string) => string | undefined;

/** Where a file is to be fetched. Empty is absent. */
export function fileUrl(field: string, refusal: UrlRefusal): z.ZodString {
	return line(field, {maxLength: MAX_URL_LENGTH})
		.superRefine((url, context) => {
			const reason = url === '' ? undefined : refusal(url);
			if (reason !== undefined) context.addIssue(field === 'url' ? reason : `${field}: ${reason}`);
		})
		.meta({description: 'http or https; fetched once, when it is sent', example: 'https://example.com/file'});
}

/** A field of `Route.uploads`: a client sees base64, a handler the stored file. */
export function upload(field: string): z.ZodPipe<z.ZodUnknown, z.ZodTransform<Upload>> {
	return z
		.unknown()
		.transform((value, context) => {
			if (value instanceof Upload) return value;
			context.addIssue(`${field} must be a string of base64`);
			return z.NEVER;
		})
		.meta({
			type: 'string',
			contentEncoding: 'base64',
			description: 'The file itself, in base64 without a data: prefix; instead of a URL',
		});
}

/** What may be said about a file; what is not said is inferred from its content, then from its name. */
export const FILE_FACTS = {
	mimetype: z
		.string('mimetype must be a string')
		.transform((value, context) => {
			const mimetype = value === '' ? null : toMimetype(value);
			if (mimetype !== undefined) return mimetype;
			context.addIssue('mimetype must be a media type, such as image/png');
			return z.NEVER;
		})
		.meta({description: 'Default: inferred from the content, then from the name', example: 'image/png'})
		.exactOptional(),
	filename: line('filename', {maxLength: MAX_FILENAME_LENGTH})
		.transform(toDisplayName)
		.meta({description: 'What the recipient sees', example: 'invoice.pdf'})
		.exactOptional(),
};

/** What is wrong with the sources of a file, if anything. @param missing what is said when there is none */
export function checkSources(
	sources: Readonly<Record<string, string | Upload | undefined>>,
	missing: string,
): string | undefined {
	const given = Object.values(sources).filter((source) => source !== undefined && source !== '').length;
	switch (given) {
		case 0:
			return missing;
		case 1:
			return undefined;
		default:
			return `only one of ${Object.keys(sources).join(' or ')} may be given`;
	}
}

/** The file of a message. An upload is taken over by whoever gets this. */
export function toOutboundFile({
	url = '',
	data,
	mimetype = null,
	filename = null,
}: {
	url?: string | undefined;
	data?: Upload | undefined;
	mimetype?: string | null | undefined;
	filename?: string | null | undefined;
}): OutboundFile {
	return {source: data === undefined ? {kind: 'url', url} : data.take(), mimetype, filename};
}
