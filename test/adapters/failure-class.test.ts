import test from 'ava';
import {describeFailure, type FailureClass} from '../../adapters/http/failure-class.ts';

const CODES: Readonly<Record<FailureClass, readonly string[]>> = {
	dns: ['ENOTFOUND', 'EAI_AGAIN', 'EAI_FAIL', 'ENODATA'],
	connect: ['ECONNREFUSED', 'EHOSTUNREACH', 'ENETUNREACH'],
	tls: [
		'CERT_HAS_EXPIRED',
		'DEPTH_ZERO_SELF_SIGNED_CERT',
		'SELF_SIGNED_CERT_IN_CHAIN',
		'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
		'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
		'ERR_TLS_CERT_ALTNAME_INVALID',
		'ERR_SSL_WRONG_VERSION_NUMBER',
		'EPROTO',
	],
	timeout: ['ETIMEDOUT', 'UND_ERR_CONNECT_TIMEOUT'],
	reset: ['ECONNRESET', 'EPIPE', 'UND_ERR_SOCKET', 'UND_ERR_RES_CONTENT_LENGTH_MISMATCH'],
	blocked: ['EBLOCKED'],
	other: ['HPE_INVALID_CONSTANT', 'UND_ERR_DESTROYED', 'UND_ERR_HEADERS_OVERFLOW', 'constructor'],
};

for (const [errorClass, codes] of Object.entries(CODES)) {
	test(`failures are told by their codes: ${errorClass}`, (t) => {
		for (const code of codes) {
			const failure = describeFailure(Object.assign(new Error('connect 10.0.0.1 ETIMEDOUT'), {code}));
			t.is(failure.errorClass, errorClass as FailureClass, code);
			t.true(failure.text.endsWith(`(${code})`));
			t.false(failure.text.includes('10.0.0.1'));
		}
	});
}

test('what has no code is some other failure', (t) => {
	for (const error of [new Error('ECONNRESET'), Object.assign(new Error('x'), {code: 7}), 'ECONNRESET', undefined]) {
		t.deepEqual(describeFailure(error), {errorClass: 'other', text: 'The exchange failed'});
	}
});
