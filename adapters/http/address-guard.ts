import ipaddr from 'ipaddr.js';
import {SetupError} from '../../domain/errors.ts';

type Address = ipaddr.IPv4 | ipaddr.IPv6;
type Range = readonly [Address, number];

/** What names of this machine stand for. */
const LOOPBACK = ['127.0.0.1', '::1'] as const;

/** Public by its number, but each of Azure's machines reaches its own host's services there, credentials among them. */
const AZURE_HOST = '168.63.129.16';

/** All of IPv6 that is routed in public (RFC 4291); anything outside is somebody's own. */
const GLOBAL_UNICAST = ipaddr.IPv6.parse('2000::');
const GLOBAL_UNICAST_BITS = 3;

/**
 * Decides which addresses may be called on behalf of a tenant: public ones, and the ranges that the operator opened.
 * Everything else (private, loopback, link-local, shared, multicast, reserved, translated …) stays out of reach.
 */
export class AddressGuard {
	readonly #open: readonly Range[];

	/**
	 * @param allowCidrs ranges to open, such as `10.0.0.0/8` or `::1/128`; a single address is a range of one
	 * @throws {SetupError} one of them is neither
	 */
	constructor(allowCidrs: readonly string[]) {
		this.#open = allowCidrs.map(toRange);
	}

	/** @param address an IP address as text; anything else is not allowed. */
	allows(address: string): boolean {
		if (!ipaddr.isValid(address)) {
			return false;
		}
		// `process` takes IPv4 out of an IPv4-mapped IPv6 address: that is where packets would go.
		const parsed = ipaddr.process(address);
		return isPublic(parsed) || this.#open.some((range) => contains(range, parsed));
	}

	/** Why this URL must not be called, judged by its text alone; undefined when nothing speaks against it. */
	refusal(url: string): string | undefined {
		if (!URL.canParse(url)) {
			return 'url must be a URL address';
		}
		const {protocol, username, password, hostname, port} = new URL(url);
		if (protocol !== 'http:' && protocol !== 'https:') {
			return 'url must start with http:// or https://';
		}
		if (username !== '' || password !== '') {
			return 'url must not contain a user name or password: put a token into its query instead, or verify the signature of what you receive';
		}
		if (port === '0') {
			return 'url must have a port from 1 to 65535';
		}
		return this.#hostRefusal(hostname.replace(/^\[|\]$|\.$/g, ''));
	}

	/** The URL parser has brought decimal, octal and hexadecimal forms of IPv4 into dotted ones already. */
	#hostRefusal(host: string): string | undefined {
		if (ipaddr.isValid(host)) {
			return this.allows(host) ? undefined : 'url must not point to a private or reserved address';
		}
		if (host === 'localhost' || host.endsWith('.localhost')) {
			return LOOPBACK.some((address) => this.allows(address)) ? undefined : 'url must not point to this machine';
		}
		// A name without a dot can only be one of the operator's own network.
		return host.includes('.') || this.#open.length > 0 ? undefined : 'url must contain a full host name';
	}
}

function isPublic(address: Address): boolean {
	if (address.range() !== 'unicast' || address.toString() === AZURE_HOST) {
		return false;
	}
	return address instanceof ipaddr.IPv4 || address.match(GLOBAL_UNICAST, GLOBAL_UNICAST_BITS);
}

function contains([base, bits]: Range, address: Address): boolean {
	return base.kind() === address.kind() && address.match(base, bits);
}

function toRange(text: string): Range {
	try {
		return text.includes('/')
			? ipaddr.parseCIDR(text)
			: [ipaddr.parse(text), ipaddr.parse(text).toByteArray().length * 8];
	} catch (error) {
		throw new SetupError(`WEBHOOK_ALLOW_CIDRS: "${text}" is not a range of addresses; write it like 10.0.0.0/8`, {
			cause: error,
		});
	}
}
