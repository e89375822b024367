import {runOnServices} from '../support/deployment.ts';

await runOnServices(() => import('../gateway/tenancy.test.ts'));
