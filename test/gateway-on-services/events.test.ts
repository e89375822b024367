import {runOnServices} from '../support/deployment.ts';

await runOnServices(() => import('../gateway/events.test.ts'));
