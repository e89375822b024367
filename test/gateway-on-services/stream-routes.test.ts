import {runOnServices} from '../support/deployment.ts';

await runOnServices(() => import('../gateway/stream-routes.test.ts'));
