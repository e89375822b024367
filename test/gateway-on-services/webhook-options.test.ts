import {runOnServices} from '../support/deployment.ts';

await runOnServices(() => import('../gateway/webhook-options.test.ts'));
