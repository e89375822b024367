import {readFileSync} from 'node:fs';
import {createLog} from '../config/application.ts';
import {describeFailure} from '../config/describe-failure.ts';
import {loadConfig} from '../config/env.ts';
import {reconcileBilling} from '../config/reconcile-billing.ts';

/** `npm run billing:reconcile`: compares every account with the billing provider's, once and now. Ends with 1 when some could not be. */
async function main(): Promise<number> {
	const {version} = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {version: string};
	const config = loadConfig(process.env, undefined, process.stdout.isTTY);
	const {right, repaired, unknown} = await reconcileBilling({config, version, log: createLog(config)});
	process.stdout.write(`${right} accounts were right, ${repaired} were repaired, ${unknown} could not be compared\n`);
	return unknown > 0 ? 1 : 0;
}

try {
	process.exit(await main());
} catch (error) {
	process.stderr.write(`${describeFailure(error)}\n`);
	process.exit(1);
}
