import {runOnServices} from '../support/deployment.ts';

await runOnServices(() => import('../gateway/openapi-walk.test.ts'));
