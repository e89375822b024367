import test from 'ava';
import {brokerContract, type BrokerHarness} from '../contracts/broker.contract.ts';
import {eventRoutingContract} from '../contracts/event-routing.contract.ts';
import {SLOW_DISK} from '../support/disks.ts';
import {SqliteBrokerFixture} from '../support/sqlite-broker-fixture.ts';

const harness: BrokerHarness = {
	supportsSeveralProcesses: false,
	async start(topology) {
		const fixture = await SqliteBrokerFixture.create(topology, {sync: SLOW_DISK});
		return Object.assign(fixture, {openAnother: () => Promise.reject(new Error('one process owns the file'))});
	},
};

brokerContract(test, harness);
eventRoutingContract(test, harness);
