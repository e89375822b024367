/** The layers of docs/architecture.md: config → {gateway, dispatchers, adapters} → domain. */
const layer = (name, ...forbidden) => ({
	name: `${name}-stays-in-its-layer`,
	severity: 'error',
	from: {path: `^${name}/`, pathNot: '^gateway/main\\.ts$'},
	to: {path: `^(${forbidden.join('|')})/`},
});

module.exports = {
	forbidden: [
		layer('domain', 'gateway', 'adapters', 'dispatchers', 'config', 'test'),
		layer('adapters', 'gateway', 'dispatchers', 'config', 'test'),
		layer('dispatchers', 'gateway', 'adapters', 'config', 'test'),
		layer('gateway', 'adapters', 'dispatchers', 'config', 'test'),
		layer('config', 'test', 'ops'),
		{
			name: 'entry-reaches-the-rest-through-config',
			severity: 'error',
			from: {path: '^gateway/main\\.ts$'},
			to: {path: '^(adapters|dispatchers|test)/'},
		},
		{
			name: 'ops-reach-the-rest-through-config',
			severity: 'error',
			from: {path: '^ops/'},
			to: {path: '^(gateway|adapters|dispatchers|test)/'},
		},
		{
			name: 'domain-is-pure',
			comment: 'The domain imports nothing but itself and node:crypto.',
			severity: 'error',
			from: {path: '^domain/'},
			to: {pathNot: '^(domain/|(node:)?crypto$)'},
		},
		{name: 'no-cycles', severity: 'error', from: {}, to: {circular: true}},
		{name: 'no-unresolvable', severity: 'error', from: {}, to: {couldNotResolve: true}},
	],
	options: {
		doNotFollow: {path: 'node_modules'},
		tsPreCompilationDeps: true,
		tsConfig: {fileName: 'tsconfig.json'},
		enhancedResolveOptions: {
			exportsFields: ['exports'],
			conditionNames: ['import', 'node', 'default', 'types'],
			extensions: ['.ts', '.js', '.json'],
		},
	},
};
