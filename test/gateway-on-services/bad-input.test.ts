import {runOnServices} from '../support/deployment.ts';

await runOnServices(() => import('../gateway/bad-input.test.ts'));
