import {runOnServices} from '../support/deployment.ts';

await runOnServices(() => import('../gateway/errors.test.ts'));
