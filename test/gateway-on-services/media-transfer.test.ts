import {runOnServices} from '../support/deployment.ts';

await runOnServices(() => import('../gateway/media-transfer.test.ts'));
