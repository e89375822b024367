import {runOnServices} from '../support/deployment.ts';

await runOnServices(() => import('../gateway/grants.test.ts'));
