import {runOnServices} from '../support/deployment.ts';

await runOnServices(() => import('../gateway/usage.test.ts'));
