import test from 'ava';
import {mediaStoreContract} from '../contracts/media-store.contract.ts';
import {ManualClock} from './manual-clock.ts';
import {MemoryMediaStore} from './memory-media-store.ts';

mediaStoreContract(test, {
	start: () => {
		const clock = new ManualClock();
		const store = new MemoryMediaStore({clock});
		return Promise.resolve({store, other: store, clock, [Symbol.asyncDispose]: () => Promise.resolve()});
	},
});
