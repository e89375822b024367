import {runOnServices} from '../support/deployment.ts';

await runOnServices(() => import('../gateway/traps.test.ts'));
