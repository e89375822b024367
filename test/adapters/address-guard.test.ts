import test from 'ava';
import {AddressGuard} from '../../adapters/http/address-guard.ts';
import {SetupError} from '../../domain/errors.ts';

const PUBLIC = ['1.1.1.1', '93.184.215.14', '172.15.255.255', '172.32.0.1', '100.63.255.255', '2606:4700::1111'];

const CLOSED = {
	private: ['10.0.0.1', '172.16.0.1', '172.31.255.255', '192.168.1.1', 'fd00::1', 'fc00::1'],
	loopback: ['127.0.0.1', '127.255.255.254', '::1'],
	unspecified: ['0.0.0.0', '0.1.2.3', '::'],
	'link-local': ['169.254.0.1', 'fe80::1', 'febf::1'],
	metadata: ['169.254.169.254', '100.100.100.200', 'fd00:ec2::254', '168.63.129.16', '::ffff:168.63.129.16'],
	shared: ['100.64.0.1', '100.127.255.255'],
	multicast: ['224.0.0.1', '239.255.255.255', 'ff02::1'],
	broadcast: ['255.255.255.255'],
	reserved: ['240.0.0.1', '192.0.2.1', '198.18.0.1', '198.51.100.1', '203.0.113.1', '192.0.0.1', '2001:db8::1'],
	'IPv4 in IPv6': ['::ffff:127.0.0.1', '::ffff:10.0.0.1', '::ffff:7f00:1', '::127.0.0.1', '::ffff:0:127.0.0.1'],
	translated: ['64:ff9b::7f00:1', '64:ff9b::1.1.1.1', '64:ff9b:1::1', '2002:7f00:1::', '2001::1'],
	'site-local': ['fec0::1'],
	'not routed in public': ['100::1', '4000::1', '5f00::1'],
};

test('public addresses are allowed', (t) => {
	const guard = new AddressGuard([]);
	for (const address of [...PUBLIC, '::ffff:1.1.1.1']) t.true(guard.allows(address), address);
});

for (const [kind, addresses] of Object.entries(CLOSED)) {
	test(`addresses are refused: ${kind}`, (t) => {
		const guard = new AddressGuard([]);
		for (const address of addresses) t.false(guard.allows(address), address);
	});
}

test('what is no address is refused', (t) => {
	const guard = new AddressGuard(['0.0.0.0/0', '::/0']);
	for (const text of ['', 'example.com', '1.1.1.1.1', '1.1.1.1/32', ':::', '[::1]']) t.false(guard.allows(text), text);
});

test('opened ranges are allowed, and nothing beside them', (t) => {
	const guard = new AddressGuard(['10.1.0.0/16', '192.168.1.5', 'fd00::/8', '::1']);
	for (const address of ['10.1.0.0', '10.1.255.255', '192.168.1.5', 'fd12::1', '::1', '::ffff:10.1.2.3']) {
		t.true(guard.allows(address), address);
	}
	for (const address of ['10.0.255.255', '10.2.0.0', '192.168.1.4', '192.168.1.6', '127.0.0.1', 'fe80::1', '::2']) {
		t.false(guard.allows(address), address);
	}
});

test('an IPv4 range opens no IPv6 addresses, and the other way round', (t) => {
	t.false(new AddressGuard(['0.0.0.0/0']).allows('::1'));
	t.false(new AddressGuard(['::/0']).allows('127.0.0.1'));
});

test('what is no range ends the start with a line that names it', (t) => {
	for (const range of ['10.0.0.0/33', 'localhost', '10.0.0.0/', '', '::1/129', '10.0.0.0-10.0.0.9']) {
		const error = t.throws(() => new AddressGuard([range]), {instanceOf: SetupError}, range);
		t.true(error.message.startsWith(`WEBHOOK_ALLOW_CIDRS: "${range}"`));
	}
});

test('public URLs are accepted', (t) => {
	const guard = new AddressGuard([]);
	for (const url of [
		'https://example.com',
		'http://example.com:8080/path?token=1#fragment',
		'https://xn--bcher-kva.example/',
		'https://bücher.example/',
		'https://example.com./',
		'http://1.1.1.1/',
		'http://[2606:4700::1111]:8443/',
	]) {
		t.is(guard.refusal(url), undefined, url);
	}
});

test('every spelling of a closed address is refused, as the URL parser reads it', (t) => {
	const guard = new AddressGuard([]);
	for (const host of [
		'127.0.0.1',
		'127.1',
		'2130706433',
		'0x7f000001',
		'0x7f.1',
		'0177.0.0.1',
		'127.0.0.1.',
		'①②⑦.0.0.1',
		'0',
		'169.254.169.254',
		'0xa9fea9fe',
		'2852039166',
		'0251.0376.0251.0376',
		'0xa9.254.0251.254',
		'[::ffff:a9fe:a9fe]',
		'[64:ff9b::a9fe:a9fe]',
		'[fd00:ec2::254]',
		'100.64.0.1',
		'224.0.0.1',
		'[ff02::1]',
		'[::1]',
		'[::ffff:127.0.0.1]',
		'[0:0:0:0:0:ffff:7f00:1]',
		'[::]',
		'[fe80::1]',
		'[64:ff9b::127.0.0.1]',
	]) {
		t.is(guard.refusal(`http://${host}:8080/hook`), 'url must not point to a private or reserved address', host);
	}
});

test('names of this machine are refused unless its addresses are open', (t) => {
	for (const host of ['localhost', 'LOCALHOST', 'localhost.', 'a.localhost']) {
		const url = `http://${host}/`;
		t.is(new AddressGuard([]).refusal(url), 'url must not point to this machine', host);
		t.is(new AddressGuard(['10.0.0.0/8']).refusal(url), 'url must not point to this machine', host);
		t.is(new AddressGuard(['127.0.0.0/8']).refusal(url), undefined, host);
		t.is(new AddressGuard(['::1']).refusal(url), undefined, host);
	}
});

test('names without a dot are refused unless a range is open', (t) => {
	t.is(new AddressGuard([]).refusal('http://redis:6379/'), 'url must contain a full host name');
	t.is(new AddressGuard(['10.0.0.0/8']).refusal('http://receiver:8080/'), undefined);
});

test('other schemes, port 0, credentials and what is no URL are refused', (t) => {
	const guard = new AddressGuard(['127.0.0.0/8']);
	for (const url of ['', 'example.com/hook', '//example.com', 'http://', 'http://[::1', 'http://256.1.1.1/']) {
		t.is(guard.refusal(url), 'url must be a URL address', url);
	}
	for (const url of ['ftp://example.com/', 'file:///etc/passwd', 'javascript:alert(1)', 'ws://example.com/']) {
		t.is(guard.refusal(url), 'url must start with http:// or https://', url);
	}
	for (const url of ['http://example.com:0/', 'https://127.0.0.1:00/hook']) {
		t.is(guard.refusal(url), 'url must have a port from 1 to 65535', url);
	}
	for (const url of ['https://user:pass@example.com/', 'https://user@example.com/', 'http://example.com@127.0.0.1/']) {
		t.regex(guard.refusal(url) ?? '', /must not contain a user name or password: put a token/, url);
	}
});
