import {runOnServices} from '../support/deployment.ts';

await runOnServices(() => import('../gateway/connections.test.ts'));
