import {readFileSync} from 'node:fs';
import test from 'ava';
import {parse} from 'yaml';
import {loadConfig, ROLES} from '../../config/env.ts';

interface Service {
	readonly command?: readonly string[];
	readonly profiles?: readonly string[];
	readonly env_file?: string;
	readonly environment: Readonly<Record<string, string>>;
}

const compose = parse(readFileSync('docker-compose.yml', 'utf8'), {merge: true}) as {
	readonly services: Readonly<Record<string, Service>>;
};

/** Those that run this program: their command is their roles. */
const ours = Object.entries(compose.services).filter(([, {env_file}]) => env_file === '.env');

/** As Compose does with `${NAME:?…}` and `${NAME:-default}`. */
function filledIn(environment: Readonly<Record<string, string>>, values: Readonly<Record<string, string>>) {
	return Object.fromEntries(
		Object.entries(environment).map(([name, value]) => [
			name,
			value.replaceAll(/\$\{(\w+):[?-]([^}]*)\}/g, (_, key: string, or: string) => values[key] ?? or),
		]),
	);
}

function secretFor(name: string): string {
	return name === 'BOOTSTRAP_TOKEN' ? `wh_${'0a'.repeat(24)}` : '0a'.repeat(32);
}

/** What somebody has who followed deploy/env.example and took every suggestion in it. */
function dotEnv(): Record<string, string> {
	const lines = readFileSync('deploy/env.example', 'utf8').matchAll(/^(?:# )?([A-Z][A-Z_]+)=(\S*)$/gm);
	return Object.fromEntries(
		[...lines].map(([, name = '', value = '']) => [name, value === 'change-me' ? secretFor(name) : value]),
	);
}

test('every role runs by default, and each can run, and be scaled, alone', (t) => {
	const rolesOf = (services: typeof ours): string[] =>
		services.flatMap(([, {command}]) => command ?? []).flatMap((roles) => roles.split(','));
	t.deepEqual(rolesOf(ours.filter(([, {profiles}]) => profiles === undefined)).sort(), [...ROLES].sort());
	for (const role of ROLES) {
		t.deepEqual(compose.services[role]?.command, [role]);
	}
});

test('what is set in .env reaches every process, and the file adds nothing that is not understood', (t) => {
	const env = {...dotEnv(), RETENTION_DAYS: '7', RATE_LIMIT_PER_MINUTE: '600'};
	const documented = readFileSync('docs/configuration.md', 'utf8');
	for (const [name, {command, environment}] of ours) {
		for (const variable of Object.keys(environment)) {
			t.true(documented.includes(`\`${variable}\``), `${variable} is documented`);
		}
		const config = loadConfig({...env, ...filledIn(environment, env)}, command?.join(','));
		t.like(config, {retentionDays: 7, host: '0.0.0.0', port: 3001}, name);
		t.is(config.rateLimits.read, 600);
		t.is(config.billing.mode, 'provider');
	}
});
