import {runOnServices} from '../support/deployment.ts';

await runOnServices(() => import('../gateway/messages.test.ts'));
