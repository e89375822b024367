import {runOnServices} from '../support/deployment.ts';

await runOnServices(() => import('../gateway/billing-events.test.ts'));
