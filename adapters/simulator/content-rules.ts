import {EngineError} from '../../domain/errors.ts';
import type {OpenFile, OutboundContent, OutboundMessage} from '../../domain/messaging/outbound.ts';

/** What WhatsApp allows in a poll. */
const MIN_OPTIONS = 2;
const MAX_OPTIONS = 12;

/** @throws {EngineError} CONTENT_INVALID for what WhatsApp would not take */
export function requireValidContent({chatId, content, mentions}: OutboundMessage<OpenFile>): void {
	const fault = faultOf(content);
	if (fault !== undefined) {
		throw new EngineError('CONTENT_INVALID', fault);
	}
	if (mentions?.includes('all') === true && !chatId.endsWith('@g.us')) {
		throw new EngineError('CONTENT_INVALID', 'mentions can be ["all"] in a group only');
	}
}

function faultOf(content: OutboundContent<OpenFile>): string | undefined {
	switch (content.kind) {
		case 'text':
			return content.text === '' ? 'text must not be empty' : undefined;
		case 'location':
			return Math.abs(content.latitude) <= 90 && Math.abs(content.longitude) <= 180
				? undefined
				: 'latitude must be within -90 and 90, longitude within -180 and 180';
		case 'contact':
			return /^\d{5,20}$/.test(content.phone) ? undefined : 'phone must be digits, with country code';
		case 'poll':
			return pollFaultOf(content);
		case 'sticker':
			return content.file.mimetype === 'image/webp' ? undefined : 'a sticker must be a WebP picture (image/webp)';
		default:
			return undefined;
	}
}

function pollFaultOf({question, options}: {readonly question: string; readonly options: readonly string[]}) {
	if (question === '' || options.includes('')) {
		return 'question and options must not be empty';
	}
	const isRightNumber = options.length >= MIN_OPTIONS && options.length <= MAX_OPTIONS;
	return isRightNumber && new Set(options).size === options.length
		? undefined
		: `a poll needs ${MIN_OPTIONS} to ${MAX_OPTIONS} different options`;
}
