/** Whose JWTs are taken, and for whom they must be. */
export interface SignInSettings {
	readonly jwksUrl: string;
	readonly issuer: string;
	readonly audience: string;
}

const NAMES = ['JWKS_URL', 'JWT_ISSUER', 'JWT_AUDIENCE'] as const;

/**
 * Reads `JWKS_URL`, `JWT_ISSUER` and `JWT_AUDIENCE`; `SUPABASE_URL` stands for those that are absent.
 * @param faults gets what is wrong
 * @returns undefined without any of them: API tokens only
 */
export function parseSignIn(env: NodeJS.ProcessEnv, faults: string[]): SignInSettings | undefined {
	const values = {...supabaseValues(env['SUPABASE_URL']), ...env};
	const [jwksUrl, issuer, audience] = NAMES.map((name) => values[name]);
	if (jwksUrl !== undefined && issuer !== undefined && audience !== undefined) {
		return {jwksUrl, issuer, audience};
	}
	const missing = NAMES.filter((name) => values[name] === undefined);
	if (missing.length < NAMES.length) {
		faults.push(`${missing.join(' and ')} must be set, too: ${NAMES.join(', ')} go together`);
	}
	return undefined;
}

/** Where Supabase has its keys, and what it writes into its JWTs. */
function supabaseValues(url: string | undefined): Partial<Record<(typeof NAMES)[number], string>> {
	if (url === undefined) {
		return {};
	}
	const issuer = `${url.replace(/\/+$/, '')}/auth/v1`;
	return {JWKS_URL: `${issuer}/.well-known/jwks.json`, JWT_ISSUER: issuer, JWT_AUDIENCE: 'authenticated'};
}
