import type {SQLInputValue, SQLOutputValue, StatementSync} from 'node:sqlite';
import type {SqliteDatabase} from './database.ts';
import {toStoreError} from './store-error.ts';
import {transact} from './transact.ts';

/** Dates lie as milliseconds since the epoch, flags as 0 or 1, lists and objects as JSON. */
type ColumnKind = 'plain' | 'date' | 'flag' | 'json';

type KindOf<Value> = [Value] extends [string | number | null]
	? 'plain'
	: [Value] extends [Date | null]
		? 'date'
		: [Value] extends [boolean]
			? 'flag'
			: 'json';

/** Every field of a row with the way in which its column holds it; a missing or wrong one does not compile. */
export type Columns<Row> = {readonly [Field in keyof Row]-?: KindOf<Row[Field]>};

/** One table whose columns are named as the fields of `Row`: domain objects in, domain objects out. */
export class SqliteTable<Row extends object> {
	readonly #database: SqliteDatabase;
	readonly #name: string;
	readonly #columns: readonly (readonly [string, ColumnKind])[];
	readonly #names: string;
	readonly #insertion: string;

	constructor({database, name, columns}: {database: SqliteDatabase; name: string; columns: Columns<Row>}) {
		this.#database = database;
		this.#name = name;
		this.#columns = Object.entries<ColumnKind>(columns);
		const names = Object.keys(columns);
		this.#names = names.join();
		this.#insertion = `INSERT INTO ${name} (${this.#names}) VALUES (${names.map(() => '?').join()})`;
	}

	/** Runs `work` in a transaction that is durable when this resolves. @throws {StoreUnavailableError} */
	transact<T>(work: () => T): Promise<T> {
		return transact(this.#database, work);
	}

	/** The first row of `SELECT … FROM table {rest}`. @throws {StoreUnavailableError} */
	async find(rest: string, ...parameters: readonly SQLInputValue[]): Promise<Row | undefined> {
		return Promise.resolve(this.get(rest, ...parameters));
	}

	/** All rows of `SELECT … FROM table {rest}`. @throws {StoreUnavailableError} */
	async list(rest: string, ...parameters: readonly SQLInputValue[]): Promise<readonly Row[]> {
		try {
			const rows = this.#select(rest).all(...parameters) as unknown as SQLOutputValue[][];
			return await Promise.resolve(rows.map((row) => this.#decode(row)));
		} catch (error) {
			throw toStoreError(error);
		}
	}

	/** How many rows of `SELECT … FROM table {rest}` have each value of a field. @throws {StoreUnavailableError} */
	async count<Field extends keyof Row & string>(
		field: Field,
		rest: string,
		...parameters: readonly SQLInputValue[]
	): Promise<readonly (readonly [Row[Field], number])[]> {
		const sql = `SELECT ${field} AS value, count(*) AS rows FROM ${this.#name} ${rest} GROUP BY ${field}`;
		try {
			const groups = this.#database.prepare(sql).all(...parameters);
			return await Promise.resolve(groups.map(({value, rows}) => [value as Row[Field], Number(rows)] as const));
		} catch (error) {
			throw toStoreError(error);
		}
	}

	/** As `find`, at once: for use inside of `transact`. */
	get(rest: string, ...parameters: readonly SQLInputValue[]): Row | undefined {
		try {
			const row = this.#select(rest).get(...parameters) as SQLOutputValue[] | undefined;
			return row && this.#decode(row);
		} catch (error) {
			throw toStoreError(error);
		}
	}

	/**
	 * Adds a row, inside of `transact`.
	 * @param onConflict an `ON CONFLICT` clause; without one, a conflict throws
	 * @returns whether a row was added or changed
	 */
	insert(row: Row, onConflict = ''): boolean {
		return this.run(`${this.#insertion} ${onConflict}`, ...this.#encode(row));
	}

	/** Runs one statement, inside of `transact`. @returns whether it changed a row */
	run(sql: string, ...parameters: readonly SQLInputValue[]): boolean {
		return this.#database.prepare(sql).run(...parameters).changes > 0;
	}

	#encode(row: Row): SQLInputValue[] {
		const values = row as Readonly<Record<string, unknown>>;
		return this.#columns.map(([name, kind]) => encodeValue(values[name], kind));
	}

	/** Its rows come as arrays, in the order of the columns: objects would cost more than the query. */
	#select(rest: string): StatementSync {
		const statement = this.#database.prepare(`SELECT ${this.#names} FROM ${this.#name} ${rest}`);
		statement.setReturnArrays(true);
		return statement;
	}

	#decode(values: readonly SQLOutputValue[]): Row {
		const row: Record<string, unknown> = {};
		for (const [index, [name, kind]] of this.#columns.entries()) row[name] = decodeValue(values[index], kind);
		return row as Row;
	}
}

function encodeValue(value: unknown, kind: ColumnKind): SQLInputValue {
	if (value === null) {
		return null;
	}
	switch (kind) {
		case 'date':
			return (value as Date).getTime();
		case 'flag':
			return value === true ? 1 : 0;
		case 'json':
			return JSON.stringify(value);
		case 'plain':
			return value as string | number;
	}
}

function decodeValue(value: SQLOutputValue | undefined, kind: ColumnKind): unknown {
	if (value === null) {
		return null;
	}
	switch (kind) {
		case 'date':
			return new Date(Number(value));
		case 'flag':
			return value === 1;
		case 'json':
			return JSON.parse(String(value));
		case 'plain':
			return value;
	}
}
