import type {TestFn} from 'ava';
import {capabilityContract} from './engine/capabilities.ts';
import {changesContract} from './engine/changes.ts';
import {declareWith, type EngineHarness} from './engine/fixture.ts';
import {historyContract} from './engine/history.ts';
import {mediaContract} from './engine/media.ts';
import {sendingContract} from './engine/sending.ts';
import {sessionContract} from './engine/sessions.ts';

export type {EngineFixture, EngineHarness, IncomingProbe, SentFile} from './engine/fixture.ts';

/** What every adapter of the `WhatsAppEngine` port promises. */
export function whatsappEngineContract(test: TestFn, harness: EngineHarness): void {
	const declare = declareWith(test, harness);
	sessionContract(declare);
	sendingContract(declare);
	changesContract(declare);
	historyContract(declare);
	mediaContract(declare);
	capabilityContract(declare);
}
