import {runOnServices} from '../support/deployment.ts';

await runOnServices(() => import('../gateway/paging.test.ts'));
