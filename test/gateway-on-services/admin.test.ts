import {runOnServices} from '../support/deployment.ts';

await runOnServices(() => import('../gateway/admin.test.ts'));
