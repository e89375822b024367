import test from 'ava';
import {z} from 'zod';
import {tenantRoutes} from '../../gateway/http/tenant-routes.ts';
import type {ApiClient} from '../support/api-client.ts';
import {createGatewayHarness, PUBLIC_URL, type Tenant} from '../support/gateway-harness.ts';

const gateway = await createGatewayHarness();

test.after.always(() => gateway[Symbol.asyncDispose]());

const LINK = /^<([^>]+)>; rel="next"$/;

interface Row {
	readonly id: string;
	readonly createdAt: string;
}

/** Lists of which most have one page, which is the default. Each makes so many rows, and knows the order of the list. */
const LISTS: Readonly<Record<string, (tenant: Tenant, count: number) => Promise<{path: string; expected: string[]}>>> =
	{
		tokens: async ({client}, count) => {
			const [first] = await client.call<Row[]>('GET', '/tokens');
			return {path: '/tokens', expected: await create(client, '/tokens', {name: 'ci'}, count, first)};
		},
		webhooks: async ({client}, count) => {
			const {id} = await client.call<Row>('POST', '/connections');
			const path = `/connections/${id}/webhooks`;
			return {path, expected: await create(client, path, {url: 'https://example.com/hook', events: ['*']}, count)};
		},
	};

/** Creates what is missing of `count` rows. @returns the ids in the order of the list */
async function create(
	client: ApiClient,
	path: string,
	body: object,
	count: number,
	...rows: (Row | undefined)[]
): Promise<string[]> {
	const all = rows.filter((row) => row !== undefined);
	while (all.length < count) all.push(await client.call<Row>('POST', path, body));
	return all
		.toSorted((left, right) => compare(left.createdAt, right.createdAt) || compare(left.id, right.id))
		.map(({id}) => id);
}

function compare(left: string, right: string): number {
	return left < right ? -1 : left > right ? 1 : 0;
}

for (const [name, seed] of Object.entries(LISTS)) {
	test(`${name}: the list is an array, whole by default and page by page behind the Link header`, async (t) => {
		const tenant = await gateway.createTenant();
		const {path, expected} = await seed(tenant, 7);
		const whole = await tenant.client.fetch('GET', path);
		t.is(whole.headers.get('link'), null);
		t.deepEqual(idsOf(await whole.json()), expected);

		const pages: string[][] = [];
		for (let next: string | undefined = `${path}?limit=3`; next !== undefined;) {
			const response: Response = await tenant.client.fetch('GET', next);
			pages.push(idsOf(await response.json()));
			const link: string | undefined = LINK.exec(response.headers.get('link') ?? '')?.[1];
			t.true(link === undefined || link.startsWith(`${gateway.publicUrl}/api${path}?limit=3&cursor=`), link);
			next = link?.slice(`${gateway.publicUrl}/api`.length);
		}
		t.deepEqual(pages, [expected.slice(0, 3), expected.slice(3, 6), expected.slice(6)]);
	});

	test(`${name}: a limit or cursor that cannot be is 400`, async (t) => {
		const tenant = await gateway.createTenant();
		const {path} = await seed(tenant, 2);
		for (const query of ['limit=0', 'limit=1001', 'limit=x', 'cursor=%00', 'cursor=bm9uc2Vuc2U']) {
			const response = await tenant.client.fetch('GET', `${path}?${query}`);
			t.is(response.status, 400, query);
			t.like(await response.json(), {code: 'VALIDATION_FAILED'});
		}
	});
}

test('every list has a limit, but for who is connected: those are limited themselves', (t) => {
	const without = tenantRoutes(gateway.dependencies, PUBLIC_URL)
		.filter(({documentation: {answer}}) => 'schema' in answer && answer.schema instanceof z.ZodArray)
		.filter(({query}) => query?.shape['limit'] === undefined);
	t.deepEqual(
		without.map(({documentation}) => documentation.id),
		['listStreamSessions'],
	);
});

function idsOf(list: unknown): string[] {
	return (list as {id: string}[]).map(({id}) => id);
}
