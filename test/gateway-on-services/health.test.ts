import {runOnServices} from '../support/deployment.ts';

await runOnServices(() => import('../gateway/health.test.ts'));
