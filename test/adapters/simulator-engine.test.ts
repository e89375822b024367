import test from 'ava';
import {whatsappEngineContract} from '../contracts/whatsapp-engine.contract.ts';
import {SimulatorBench} from '../support/simulator-bench.ts';

whatsappEngineContract(test, {
	name: 'simulator',
	start: () => {
		const bench = new SimulatorBench();
		return Promise.resolve({
			engine: bench.engine,
			configOf: () => ({callbackUrl: '', ingestionKey: ''}),
			link: (session) => bench.engine.scan(session),
			events: (session) => bench.events.filter((event) => event.session === session),
			settle: () => bench.clock.advance(200),
			[Symbol.asyncDispose]: () => bench[Symbol.asyncDispose](),
		});
	},
});
