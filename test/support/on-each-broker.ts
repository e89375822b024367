import test, {type ExecutionContext, type TestFn} from 'ava';
import type {LiveDispatchOptions} from './live-dispatch-harness.ts';
import {requireServices} from './services.ts';

/** Declares one test on the embedded broker and one on RabbitMQ; `check` gets what a `LiveDispatchHarness` needs for it. */
export type OnEachBroker = (
	title: string,
	check: (t: ExecutionContext, options: LiveDispatchOptions) => Promise<void>,
) => void;

/**
 * To be called before any test is declared: `const onEachBroker = await findBrokers()`.
 * @param options.inTurn one test of the file after the other, for those that measure; default: side by side
 * @throws in CI when RabbitMQ is missing; elsewhere its tests are skipped
 */
export async function findBrokers({inTurn = false} = {}): Promise<OnEachBroker> {
	const {test: rabbitMqTest, urls} = await requireServices('rabbitmq');
	const isMissing = rabbitMqTest !== test;
	const brokers: readonly (readonly [string, TestFn, LiveDispatchOptions])[] = [
		['embedded', (inTurn ? test.serial : test) as TestFn, {}],
		['RabbitMQ', (inTurn && !isMissing ? test.serial : rabbitMqTest) as TestFn, {amqpUrl: urls.rabbitmq}],
	];
	return (title, check) => {
		for (const [name, declare, options] of brokers) {
			declare(`${name}: ${title}`, async (t) => {
				t.timeout(120_000);
				await check(t, options);
			});
		}
	};
}
