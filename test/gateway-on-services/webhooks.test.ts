import {runOnServices} from '../support/deployment.ts';

await runOnServices(() => import('../gateway/webhooks.test.ts'));
