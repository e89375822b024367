import {spawnSync} from 'node:child_process';
import test, {type TestFn} from 'ava';

/** A Python with the packages that a test needs. */
export interface Python {
	/** The interpreter. */
	readonly path: string;
	/** AVA's `test`, or `test.skip` where a package is missing. */
	readonly test: TestFn;
}

/**
 * `TEST_PYTHON`, else `python3`. Packages are those of test/python/requirements.txt.
 * @throws in CI when one is missing; elsewhere the tests are skipped and the reason is printed.
 */
export function requirePython(...modules: readonly string[]): Python {
	const path = process.env['TEST_PYTHON'] ?? 'python3';
	const {status} = spawnSync(path, ['-c', `import ${modules.join(', ')}`]);
	if (status === 0) {
		return {path, test};
	}
	const reason = `${path} has not all of ${modules.join(', ')}: pip install -r test/python/requirements.txt, and name it by TEST_PYTHON`;
	if (process.env['CI'] !== undefined) throw new Error(`missing in CI: ${reason}`);
	process.stderr.write(`skipped: ${reason}\n`);
	return {path, test: test.skip as TestFn};
}
