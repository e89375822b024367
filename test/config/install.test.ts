import {execFile} from 'node:child_process';
import {mkdir, readFile, writeFile} from 'node:fs/promises';
import {join} from 'node:path';
import {promisify} from 'node:util';
import test from 'ava';
import {createTemporaryFolder} from '../support/temporary-folder.ts';

const LOCKED = {
	'': {},
	'node_modules/used': {version: '1.0.0'},
	'node_modules/tool': {version: '2.0.0', dev: true},
	'node_modules/for-another-system': {version: '3.0.0', optional: true},
};

/** What npm is asked for in a folder where that is installed; undefined = it is not run. */
async function askedFor(installed: object | undefined, ...options: string[]): Promise<string | undefined> {
	await using folder = await createTemporaryFolder();
	const fake = join(folder.path, 'npm');
	await writeFile(fake, '#!/bin/sh\necho "$@" > asked\n', {mode: 0o755});
	await writeFile(join(folder.path, 'package-lock.json'), JSON.stringify({packages: LOCKED}));
	if (installed !== undefined) {
		await mkdir(join(folder.path, 'node_modules'));
		const packages = JSON.stringify({packages: installed});
		await writeFile(join(folder.path, 'node_modules/.package-lock.json'), packages);
	}
	await promisify(execFile)(process.execPath, [join(process.cwd(), 'ops/install.mjs'), ...options], {
		cwd: folder.path,
		env: {PATH: `${folder.path}:/bin:/usr/bin`},
	});
	return await readFile(join(folder.path, 'asked'), 'utf8').catch(() => undefined);
}

test('what is missing or of another version than the lock file says is installed, and nothing else', async (t) => {
	const used = {'node_modules/used': {version: '1.0.0'}};
	const tool = {'node_modules/tool': {version: '2.0.0'}};
	t.regex((await askedFor(undefined)) ?? '', /^ci --no-audit/);
	t.regex((await askedFor(used)) ?? '', /^ci --no-audit/);
	t.is(await askedFor({...used, ...tool}), undefined);
	t.regex((await askedFor(undefined, '--omit=dev')) ?? '', /^ci --omit=dev /);
	t.is(await askedFor(used, '--omit=dev'), undefined);
	t.regex((await askedFor({'node_modules/used': {version: '0.9.0'}}, '--omit=dev')) ?? '', /^ci --omit=dev /);
});
