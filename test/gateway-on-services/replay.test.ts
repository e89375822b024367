import {runOnServices} from '../support/deployment.ts';

await runOnServices(() => import('../gateway/replay.test.ts'));
