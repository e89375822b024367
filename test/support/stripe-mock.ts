import test, {type TestFn} from 'ava';

/** Where a stripe-mock listens (`go install github.com/stripe/stripe-mock@v0.197.0`), which checks requests against Stripe's own description of its API. */
export interface StripeMock {
	readonly url: string;
	/** AVA's `test`, or `test.skip` where there is none. */
	readonly test: TestFn;
}

/** @throws in CI when it is missing; elsewhere the tests are skipped and the reason is printed. */
export async function requireStripeMock(): Promise<StripeMock> {
	const url = process.env['STRIPE_MOCK_URL'];
	if (url !== undefined && (await answers(url))) {
		return {url, test};
	}
	if (process.env['CI'] !== undefined) {
		throw new Error('missing in CI: stripe-mock');
	}
	process.stderr.write('skipped: stripe-mock not found (start it and set STRIPE_MOCK_URL)\n');
	return {url: '', test: test.skip as unknown as TestFn};
}

async function answers(url: string): Promise<boolean> {
	try {
		await fetch(url);
		return true;
	} catch {
		return false;
	}
}
