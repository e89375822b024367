import {runOnServices} from '../support/deployment.ts';

await runOnServices(() => import('../gateway/message-kinds.test.ts'));
