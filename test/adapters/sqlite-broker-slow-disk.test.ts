import test from 'ava';
import {brokerContract} from '../contracts/broker.contract.ts';
import {eventRoutingContract} from '../contracts/event-routing.contract.ts';
import {SLOW_DISK} from '../support/disks.ts';
import {sqliteBrokerHarness} from '../support/sqlite-broker-fixture.ts';

const harness = sqliteBrokerHarness({sync: SLOW_DISK});

brokerContract(test, harness);
eventRoutingContract(test, harness);
