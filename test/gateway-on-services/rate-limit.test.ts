import {runOnServices} from '../support/deployment.ts';

await runOnServices(() => import('../gateway/rate-limit.test.ts'));
