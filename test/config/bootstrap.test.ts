import {randomBytes} from 'node:crypto';
import test from 'ava';
import {bootstrap} from '../../config/bootstrap.ts';
import {TOKENS} from '../../config/tokens.ts';
import {SetupError} from '../../domain/errors.ts';
import {DispatchHarness} from '../support/dispatch-harness.ts';

/** Starts on the harness's stores; `keepToken` stands for the file. */
function start(
	{container, stores, clock, log}: DispatchHarness,
	keepToken: (token: string) => void,
	presetToken?: string,
): Promise<string | undefined> {
	const tokens = container.resolve(TOKENS.tokens);
	return bootstrap({users: stores.userStore, tokens, clock, log, presetToken, keepToken});
}

test('the first start makes an administrator and one token, later starts make nothing', async (t) => {
	await using harness = await DispatchHarness.create();
	const kept: string[] = [];
	const keepToken = (token: string): void => void kept.push(token);
	const token = await start(harness, keepToken);
	t.deepEqual(kept, [token]);
	const {user} = await harness.container.resolve(TOKENS.authenticator).authenticate(token ?? '');
	t.true(user.isAdmin);
	t.is(await start(harness, keepToken), undefined);
	t.is(kept.length, 1);
	t.is((await harness.stores.tokenStore.listActive(user.id, {limit: 100})).length, 1);
});

test('a first start that could not keep its token locks nobody out: the next one makes a token', async (t) => {
	await using harness = await DispatchHarness.create();
	const failing = start(harness, () => {
		throw new SetupError('DATA_DIR is not writable');
	});
	await t.throwsAsync(failing, {instanceOf: SetupError});
	const token = await start(harness, () => undefined);
	await t.notThrowsAsync(harness.container.resolve(TOKENS.authenticator).authenticate(token ?? ''));
});

test('a preset token is added on any start, and never kept or shown', async (t) => {
	await using harness = await DispatchHarness.create();
	const authenticator = harness.container.resolve(TOKENS.authenticator);
	for (const preset of [randomBytes(24), randomBytes(24)].map((bytes) => `wh_${bytes.toString('hex')}`)) {
		t.is(
			await start(
				harness,
				() => {
					t.fail('kept');
				},
				preset,
			),
			undefined,
		);
		t.true((await authenticator.authenticate(preset)).user.isAdmin);
	}
});
