/** Node's HTTP servers close idle connections after 5 s: ours go first, so that no request meets a closing one. */
export const IDLE_SOCKET_MS = 4000;

/** A 500 repeats the whole request, media included; what matters is at its start. */
export const MAX_ERROR_BYTES = 64 * 1024;

export function isSuccess(status: number): boolean {
	return status >= 200 && status < 300;
}

/** What a client of one WAHA server is made with. */
export interface WahaServer {
	/** Without a slash at its end. */
	readonly baseUrl: string;
	readonly apiKey: string;
	/** How long a connection may take to be made. */
	readonly connectMs: number;
}
