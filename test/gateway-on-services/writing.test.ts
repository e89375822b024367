import {runOnServices} from '../support/deployment.ts';

await runOnServices(() => import('../gateway/writing.test.ts'));
