import {link, opendir, readdir, readFile, rename, rm, rmdir, stat} from 'node:fs/promises';
import {join} from 'node:path';
import {codeOf, ifPresent} from './disk-failure.ts';
import {noteName, partialName, readFileName, recordName, type MediaFile} from './media-paths.ts';
import {decodeNote, decodeRecord, encodeNote, filenameIn} from './media-record.ts';
import {replaceFile} from './replace-file.ts';

/** What nobody names for this long, nobody is about to name. */
const LEFTOVER_MS = 60 * 60_000;

interface Entry extends MediaFile {
	readonly fileName: string;
}

export interface FolderSweepOptions {
	readonly root: string;
	/** Contents stored before this go, and notes made before this. */
	readonly before: Date;
	/** Goes into the notes of what is deleted. */
	readonly reason: string;
	readonly now: Date;
}

/**
 * One round over the folder: what is too old leaves a note, what a crash left behind goes. Several may run at once, beside puts: a
 * file that is not there any more is somebody else's work done. Looks into records only where the names do not tell enough.
 */
export class FolderSweep {
	readonly #root: string;
	readonly #before: Date;
	readonly #reason: string;
	readonly #now: Date;

	constructor({root, before, reason, now}: FolderSweepOptions) {
		this.#root = root;
		this.#before = before;
		this.#reason = reason;
		this.#now = now;
	}

	/** @returns how many stored files were deleted */
	async run(): Promise<number> {
		let expired = 0;
		for await (const entry of await opendir(this.#root)) {
			if (entry.isDirectory() && /^[0-9a-f]{64}$/.test(entry.name)) {
				expired += await this.#sweepConnection(join(this.#root, entry.name));
			}
		}
		return expired;
	}

	async #sweepConnection(folder: string): Promise<number> {
		let expired = 0;
		for (const entries of groupByName((await ifPresent(() => readdir(folder))) ?? [])) {
			for (const entry of entries) {
				if (await this.#sweep(folder, entry, entries)) expired++;
			}
		}
		await removeEmpty(folder);
		return expired;
	}

	/** @returns true when a stored file was deleted */
	async #sweep(folder: string, entry: Entry, entries: readonly Entry[]): Promise<boolean> {
		const contents = entries.filter(({kind}) => kind === 'content');
		switch (entry.kind) {
			case 'partial':
				await this.#removeLeftover(join(folder, entry.fileName));
				return false;
			case 'note':
				await this.#removeOldNote(join(folder, entry.fileName));
				return false;
			case 'record':
				if (contents.length === 0) await this.#removeLeftover(join(folder, entry.fileName));
				return false;
			case 'content':
				if ((entry.storedAtMs ?? 0) < this.#before.getTime()) {
					return this.#expire(folder, entry);
				}
				if (contents.length > 1 || !entries.some(({kind}) => kind === 'record')) {
					await this.#removeUnnamed(folder, entry);
				}
				return false;
		}
	}

	/** The note comes first: at no moment is the file gone without a reason. */
	async #expire(folder: string, {name, fileName}: Entry): Promise<boolean> {
		const recordPath = join(folder, recordName(name));
		const text = (await ifPresent(() => readFile(recordPath, 'utf8'))) ?? '';
		if (decodeRecord(text)?.content !== fileName) {
			await this.#removeLeftover(join(folder, fileName));
			return false;
		}
		const note = encodeNote({state: 'missing', reason: this.#reason, at: this.#now}, filenameIn(text));
		await replaceFile(join(folder, noteName(name)), note, join(folder, partialName(name)));
		const taken = await takeRecord(folder, name, fileName);
		if (taken) await rm(join(folder, fileName), {force: true});
		return taken;
	}

	/** Content that no record names: replaced, or its put did not get that far. */
	async #removeUnnamed(folder: string, {name, fileName}: Entry): Promise<void> {
		const text = (await ifPresent(() => readFile(join(folder, recordName(name)), 'utf8'))) ?? '';
		if (decodeRecord(text)?.content !== fileName) {
			await this.#removeLeftover(join(folder, fileName));
		}
	}

	async #removeOldNote(path: string): Promise<void> {
		const text = await ifPresent(() => readFile(path, 'utf8'));
		const at = text === undefined ? undefined : decodeNote(text)?.at;
		if (at === undefined || at < this.#before) {
			await rm(path, {force: true});
		}
	}

	async #removeLeftover(path: string): Promise<void> {
		const found = await ifPresent(() => stat(path));
		if (found !== undefined && this.#now.getTime() - found.mtimeMs > LEFTOVER_MS) {
			await rm(path, {force: true});
		}
	}
}

/**
 * Deletes a record if it still names `content`. A put may replace it at the same moment: so it is moved aside before the last
 * look, and what turns out to be new goes back, unless something newer is there already.
 */
async function takeRecord(folder: string, name: string, content: string): Promise<boolean> {
	const path = join(folder, recordName(name));
	const aside = join(folder, partialName(name));
	const text = await ifPresent(async () => {
		await rename(path, aside);
		return readFile(aside, 'utf8');
	});
	if (text === undefined) {
		return false;
	}
	const isTheOne = decodeRecord(text)?.content === content;
	if (!isTheOne) await linkUnlessThere(aside, path);
	await rm(aside, {force: true});
	return isTheOne;
}

async function linkUnlessThere(from: string, to: string): Promise<void> {
	try {
		await link(from, to);
	} catch (error) {
		if (codeOf(error) !== 'EEXIST') throw error;
	}
}

/** A folder in which something is by now stays. */
async function removeEmpty(folder: string): Promise<void> {
	try {
		await rmdir(folder);
	} catch (error) {
		if (!['ENOTEMPTY', 'EEXIST', 'ENOENT'].includes(codeOf(error))) throw error;
	}
}

function groupByName(fileNames: readonly string[]): Iterable<readonly Entry[]> {
	const entries = fileNames.flatMap((fileName): readonly Entry[] => {
		const file = readFileName(fileName);
		return file === undefined ? [] : [{...file, fileName}];
	});
	return Map.groupBy(entries, ({name}) => name).values();
}
