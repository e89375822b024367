import {defineConfig} from 'eslint/config';
import tseslint from 'typescript-eslint';

export default defineConfig(
	// What runs in a browser is checked by running it.
	{ignores: ['node_modules/', 'data/', '.dependency-cruiser.cjs', 'gateway/http/docs/viewer.js']},
	...tseslint.configs.strictTypeChecked,
	{
		languageOptions: {
			parserOptions: {
				projectService: {allowDefaultProject: ['eslint.config.js']},
				tsconfigRootDir: import.meta.dirname,
			},
		},
		rules: {
			'@typescript-eslint/restrict-template-expressions': ['error', {allowNumber: true, allowBoolean: true}],
			'@typescript-eslint/no-unused-vars': ['error', {argsIgnorePattern: '^_', varsIgnorePattern: '^_'}],
			'@typescript-eslint/consistent-type-imports': 'error',
			'@typescript-eslint/explicit-module-boundary-types': 'error',
			'@typescript-eslint/switch-exhaustiveness-check': ['error', {considerDefaultExhaustiveForUnions: true}],
			'no-restricted-syntax': ['error', {selector: 'ExportDefaultDeclaration', message: 'Named exports only.'}],
			eqeqeq: 'error',
			'no-console': 'error',
		},
	},
	{
		files: ['eslint.config.js'],
		rules: {'no-restricted-syntax': 'off'},
	},
	{
		// Runs before there are types.
		files: ['ops/*.mjs'],
		...tseslint.configs.disableTypeChecked,
	},
	{
		// Only entries read the environment or end the process.
		files: ['gateway/**', 'adapters/**', 'dispatchers/**', 'domain/**', 'config/**'],
		ignores: ['gateway/main.ts'],
		rules: {
			'no-restricted-properties': [
				'error',
				{object: 'process', property: 'env', message: 'Take configuration as an argument.'},
				{object: 'process', property: 'exit', message: 'Only an entry ends the process.'},
			],
		},
	},
	{
		files: ['test/bench/**', 'test/chaos/main.ts'],
		rules: {'no-console': 'off'},
	},
);
