import test from 'ava';
import {report} from './report.ts';
import {runChaos} from './run-chaos.ts';
import {SHORT} from './settings.ts';

test('embedded default: kill -9 again and again, and endpoints that go away, lose nothing', async (t) => {
	t.timeout(600_000);
	const audit = await runChaos({...SHORT, say: () => undefined, signal: AbortSignal.timeout(540_000)});
	t.log(report(audit));
	t.deepEqual(audit.findings, []);
	t.true(audit.recoveries.filter(({fault}) => fault.restartMs !== undefined).length >= 3, 'it was killed in between');
	t.true(audit.order.compared >= 50, 'there was an order to keep');
});
