import type {TestFn} from 'ava';
import {billingEventStoreContract} from './billing-event-store.contract.ts';
import {commandStoreContract} from './command-store.contract.ts';
import {connectionStoreContract} from './connection-store.contract.ts';
import {deadLetterStoreContract} from './dead-letter-store.contract.ts';
import {deliveryStoreContract} from './delivery-store.contract.ts';
import {engineStateStoreContract} from './engine-state-store.contract.ts';
import {entitlementStoreContract} from './entitlement-store.contract.ts';
import {eventStoreContract} from './event-store.contract.ts';
import {jobStoreContract} from './job-store.contract.ts';
import {leaseStoreContract} from './lease-store.contract.ts';
import {markStoreContract} from './mark-store.contract.ts';
import {slotStoreContract} from './slot-store.contract.ts';
import type {StoresHarness} from './stores-harness.ts';
import {tokenStoreContract} from './token-store.contract.ts';
import {usageStoreContract} from './usage-store.contract.ts';
import {userStoreContract} from './user-store.contract.ts';
import {webhookStoreContract} from './webhook-store.contract.ts';
import {workerStoreContract} from './worker-store.contract.ts';

/** The suites of all store ports. */
export function storesContract(test: TestFn, harness: StoresHarness): void {
	userStoreContract(test, harness);
	tokenStoreContract(test, harness);
	connectionStoreContract(test, harness);
	workerStoreContract(test, harness);
	webhookStoreContract(test, harness);
	eventStoreContract(test, harness);
	deliveryStoreContract(test, harness);
	commandStoreContract(test, harness);
	deadLetterStoreContract(test, harness);
	jobStoreContract(test, harness);
	leaseStoreContract(test, harness);
	markStoreContract(test, harness);
	engineStateStoreContract(test, harness);
	entitlementStoreContract(test, harness);
	slotStoreContract(test, harness);
	billingEventStoreContract(test, harness);
	usageStoreContract(test, harness);
}
