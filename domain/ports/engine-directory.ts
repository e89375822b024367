import type {Worker} from '../workers/worker.ts';
import type {WhatsAppEngine} from './whatsapp-engine.ts';

/** The workers that are configured, and the engine behind each. */
export interface EngineDirectory {
	/** In the order in which they are filled. */
	workers(): readonly Worker[];
	/** @throws {EngineError} ENGINE_UNAVAILABLE when no such worker is configured any more. */
	engineOf(workerId: string): WhatsAppEngine;
}
