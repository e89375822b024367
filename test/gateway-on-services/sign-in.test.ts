import {runOnServices} from '../support/deployment.ts';

await runOnServices(() => import('../gateway/sign-in.test.ts'));
