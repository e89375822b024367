import {runOnServices} from '../support/deployment.ts';

await runOnServices(() => import('../gateway/uploads.test.ts'));
