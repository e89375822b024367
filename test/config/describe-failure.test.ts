import test from 'ava';
import {describeFailure} from '../../config/describe-failure.ts';
import {BrokerUnavailableError, SetupError, StoreUnavailableError, ValidationError} from '../../domain/errors.ts';

test('what an operator can mend is one line, whatever it quotes', (t) => {
	t.is(describeFailure(new SetupError('a port is in use:\n  set\tPORT\n')), 'a port is in use: set PORT');
	const full = new StoreUnavailableError('the file could not be written', {cause: new Error('disk is\nfull')});
	t.is(
		describeFailure(full),
		'The store is not available: the file could not be written (disk is full): mend this, and start again',
	);
	t.is(
		describeFailure(new BrokerUnavailableError('it is closed')),
		'The message broker is not available: it is closed: mend this, and start again',
	);
});

test('what failed first counts, not what failed while the rest was closed', (t) => {
	const first = new SetupError('the cause');
	t.is(
		describeFailure(new SuppressedError(new Error('later'), new SuppressedError(new Error('late'), first))),
		'the cause',
	);
});

test('a defect shows where it is', (t) => {
	for (const defect of [new TypeError('x'), new ValidationError('y')]) {
		t.regex(describeFailure(defect), /\n {4}at /);
	}
	t.is(describeFailure('text'), 'text');
});
