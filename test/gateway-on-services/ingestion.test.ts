import {runOnServices} from '../support/deployment.ts';

await runOnServices(() => import('../gateway/ingestion.test.ts'));
