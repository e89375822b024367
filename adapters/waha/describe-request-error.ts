/** The libraries' own errors carry the request with its key: only their code and text go on. */
export function describeRequestError(error: unknown): string {
	if (!(error instanceof Error)) return String(error);
	const code = 'code' in error && typeof error.code === 'string' ? error.code : error.name;
	return `${code}: ${error.message}`;
}
