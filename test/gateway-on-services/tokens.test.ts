import {runOnServices} from '../support/deployment.ts';

await runOnServices(() => import('../gateway/tokens.test.ts'));
