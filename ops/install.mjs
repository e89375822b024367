// Installs what package-lock.json asks for and node_modules does not have, before a script that needs it: `--omit=dev` leaves out what
// only tests and tools need. Runs on whatever Node the machine has, so without types and dependencies.
import {execFileSync} from 'node:child_process';
import {readFileSync} from 'node:fs';

const isForUse = process.argv.includes('--omit=dev');

/** @param {string} path */
function packagesOf(path) {
	try {
		return JSON.parse(readFileSync(path, 'utf8')).packages;
	} catch {
		return {};
	}
}

const installed = packagesOf('node_modules/.package-lock.json');
const missing = Object.entries(packagesOf('package-lock.json')).filter(
	([path, {version, dev, optional}]) =>
		path !== '' && optional !== true && !(isForUse && dev === true) && installed[path]?.version !== version,
);
if (missing.length > 0) {
	const options = ['ci', ...(isForUse ? ['--omit=dev'] : []), '--no-audit', '--no-fund', '--loglevel=error'];
	// On Windows npm is a script, which needs a shell.
	execFileSync('npm', options, {stdio: 'inherit', shell: process.platform === 'win32'});
}
