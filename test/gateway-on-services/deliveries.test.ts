import {runOnServices} from '../support/deployment.ts';

await runOnServices(() => import('../gateway/deliveries.test.ts'));
