import {runOnServices} from '../support/deployment.ts';

await runOnServices(() => import('../gateway/simulator.test.ts'));
