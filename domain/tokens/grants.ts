/** What a token may do: `read` looks, `send` writes to WhatsApp, `manage` changes connections, webhooks and tokens. */
export const SCOPES = ['read', 'send', 'manage'] as const;

export type Scope = (typeof SCOPES)[number];

/** What a caller is allowed; null = everything. */
export interface Grants {
	readonly scopes: readonly Scope[] | null;
	/** The only connections it may touch. A token with a list has no say in anything else of the account. */
	readonly connectionIds: readonly string[] | null;
}

/** What somebody who signed in may do, and a token without limits. */
export const EVERYTHING: Grants = {scopes: null, connectionIds: null};

/** Whether the caller may do what needs this scope. */
export function allowsScope({scopes}: Grants, scope: Scope): boolean {
	return scopes === null || scopes.includes(scope);
}

/** @param connectionId null = something of the whole account */
export function allowsConnection({connectionIds}: Grants, connectionId: string | null): boolean {
	return connectionIds === null || (connectionId !== null && connectionIds.includes(connectionId));
}
