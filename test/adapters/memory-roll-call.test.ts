import test from 'ava';
import {MemoryRollCall} from '../../adapters/system/memory-roll-call.ts';
import {rollCallContract} from '../contracts/roll-call.contract.ts';

rollCallContract(test, {
	start: () => {
		const rollCall = new MemoryRollCall();
		return Promise.resolve({processes: [rollCall], [Symbol.asyncDispose]: () => rollCall[Symbol.asyncDispose]()});
	},
});
