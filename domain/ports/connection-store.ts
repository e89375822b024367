import type {Connection, ConnectionStatus, SessionReport} from '../connections/connection.ts';
import type {Page} from './page.ts';

/** Connections of all users; deleted ones stay readable. @throws {StoreUnavailableError} */
export interface ConnectionStore {
	insert(connection: Connection): Promise<void>;
	find(id: string): Promise<Connection | undefined>;
	findBySession(sessionName: string): Promise<Connection | undefined>;
	/** A user's connections that are not deleted, oldest first. @param ids only these of them; null = all */
	list(userId: string, page: Page, ids?: readonly string[] | null): Promise<readonly Connection[]>;
	/** A user's connections that nobody is linked to (`scan_qr`, `pending`, `failed`), newest first. */
	listIdle(userId: string, limit: number): Promise<readonly Connection[]>;
	/** How many connections that are not deleted have each status, over all users. */
	countByStatus(): Promise<Readonly<Partial<Record<ConnectionStatus, number>>>>;
	rename(id: string, name: string | null, at: Date): Promise<Connection | undefined>;
	/** Sets the status (and, when linked, account, phone number and first link time) unless a later report was applied. True when it changed something. */
	applyReport(id: string, report: SessionReport): Promise<boolean>;
	/** How many of a user's connections that are not deleted run, and how many are suspended. */
	countOf(userId: string): Promise<{readonly running: number; readonly suspended: number}>;
	/** Stops it for as long as it has no slot, whatever its status; false when it was suspended already, or is deleted. */
	suspend(id: string, at: Date): Promise<boolean>;
	/** Lets it run again, `pending` until its session reports; false when it was not suspended, or is deleted. */
	resume(id: string, at: Date): Promise<boolean>;
	/** Records which worker holds the session; null takes it off. */
	assign(id: string, workerId: string | null, engine: string | null, at: Date): Promise<void>;
	/** Marks it deleted (`stopped`, desired state `stopped`, no worker); repeatable. Resolves to what is stored then. */
	markDeleted(id: string, at: Date): Promise<Connection | undefined>;
	/**
	 * Connections of all tenants that should run and have no worker, or whose session never reported (`pending`), oldest first.
	 */
	listUnprovisioned(limit: number): Promise<readonly Connection[]>;
	/** Connections of all tenants that should run on this worker and whose session has reported, oldest first: as many as it has places at most. */
	listProvisioned(workerId: string): Promise<readonly Connection[]>;
}
