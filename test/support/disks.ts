import {setTimeout} from 'node:timers/promises';
import type {Sync} from '../../adapters/sqlite/write-ahead-log.ts';

/** Never waited for: a commit is told in the turn that it is made in, so that turns and a wound clock say when it is done. */
export const INSTANT_DISK: Sync = () => Promise.resolve();

/** Takes up to 20 ms for each sync, each time another while. */
export const SLOW_DISK: Sync = async () => {
	await setTimeout(Math.random() * 20);
};
