import {runOnServices} from '../support/deployment.ts';

await runOnServices(() => import('../gateway/chats.test.ts'));
