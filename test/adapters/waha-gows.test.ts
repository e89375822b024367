import test from 'ava';
import {whatsappEngineContract} from '../contracts/whatsapp-engine.contract.ts';
import {startWahaFixture} from '../support/waha-fixture.ts';

whatsappEngineContract(test, {name: 'GOWS', start: () => startWahaFixture({engine: 'GOWS'})});
