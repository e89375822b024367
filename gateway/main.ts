import {readFileSync} from 'node:fs';
import {enableCompileCache} from 'node:module';
import type {Application} from '../config/application.ts';
import type {Logger} from '../domain/ports/logger.ts';

// Before anything else is loaded: from the second start on, types are stripped already. Saves 30 MB and a third of the start.
enableCompileCache();
const {createLog, startApplication} = await import('../config/application.ts');
const {describeConfig} = await import('../config/describe-config.ts');
const {describeFailure} = await import('../config/describe-failure.ts');
const {loadConfig} = await import('../config/env.ts');
const {LONGEST_TIMEOUT_MS} = await import('../domain/webhooks/webhook.ts');

/**
 * A shutdown that takes longer is cut: whatever was not finished comes again from the broker. Attempts at webhooks, which take the longest,
 * are finished, so that no endpoint gets one of them twice.
 */
const SHUTDOWN_TIMEOUT_MS = LONGEST_TIMEOUT_MS + 10_000;

/** `npm start [-- role,role…]`: the one program, in the roles it is asked for. */
async function main(): Promise<void> {
	const {version} = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {version: string};
	const config = loadConfig(process.env, process.argv[2], process.stdout.isTTY);
	const log = createLog(config);
	log.info({version, ...describeConfig(config)}, 'config.effective');
	const application = await startApplication({config, version, log});
	log.info({url: application.url, roles: config.roles}, 'application.started');
	welcome(application);
	endOnSignal(application, log);
}

/** The one moment at which a token can be read. */
function welcome({newToken, tokenFile, url}: Application): void {
	if (newToken !== undefined) {
		process.stdout.write(
			`\n  Your API token, shown once and kept in ${tokenFile}:\n\n    ${newToken}\n\n  Open ${url}\n\n`,
		);
	}
}

function endOnSignal(application: Application, log: Logger): void {
	const end = (signal: NodeJS.Signals): void => {
		log.info({signal}, 'application.stopping');
		// Also keeps the process alive while nothing but a pending batch is left.
		setTimeout(() => process.exit(1), SHUTDOWN_TIMEOUT_MS);
		application[Symbol.asyncDispose]().then(
			() => process.exit(0),
			(error: unknown) => {
				log.error({error}, 'application.stop.failed');
				process.exit(1);
			},
		);
	};
	process.once('SIGTERM', end);
	process.once('SIGINT', end);
}

try {
	await main();
} catch (error) {
	process.stderr.write(`${describeFailure(error)}\n`);
	process.exit(1);
}
