import {randomBytes} from 'node:crypto';
import {join} from 'node:path';
import {digest} from '../../domain/hashing.ts';
import type {MediaKey} from '../../domain/ports/media-store.ts';

/** What the files of one key are called. */
export interface MediaPaths {
	/** The folder of the connection. */
	readonly folder: string;
	/** Starts the names of all files of the key. */
	readonly name: string;
	/** Says what is stored, and in which content file. */
	readonly record: string;
	/** Says why nothing is stored. */
	readonly note: string;
}

/** A file of the folder, by its name. */
export interface MediaFile {
	readonly kind: 'record' | 'note' | 'content' | 'partial';
	/** As `MediaPaths.name`. */
	readonly name: string;
	/** When its put ended; content files only. */
	readonly storedAtMs?: number;
}

/** Every name is made of hashes, so that what engines and tenants call their files never reaches a path. */
export function mediaPaths(root: string, {connectionId, filename}: MediaKey): MediaPaths {
	const folder = connectionFolder(root, connectionId);
	const name = digest(filename).toString('hex');
	return {folder, name, record: join(folder, recordName(name)), note: join(folder, noteName(name))};
}

/** Where all files of a connection lie. */
export function connectionFolder(root: string, connectionId: string): string {
	return join(root, digest(connectionId).toString('hex'));
}

/** Of the file that says what is stored. */
export function recordName(name: string): string {
	return `${name}.json`;
}

/** Of the file that says why nothing is stored. */
export function noteName(name: string): string {
	return `${name}.missing`;
}

/** A new name for content; says when it was stored, so that a sweep need not look into every record. */
export function contentName(name: string, storedAtMs: number): string {
	return `${name}.${storedAtMs}.${randomBytes(8).toString('hex')}.data`;
}

/** A new name for a file that is being written. */
export function partialName(name: string): string {
	return `${name}.${randomBytes(8).toString('hex')}.part`;
}

/** Undefined for a file that is none of ours. */
export function readFileName(fileName: string): MediaFile | undefined {
	const [, name, storedAt, extension] =
		/^([0-9a-f]{64})(?:\.(\d+))?(?:\.[0-9a-f]{16})?\.(json|missing|data|part)$/.exec(fileName) ?? [];
	switch (extension) {
		case 'json':
			return {kind: 'record', name: name ?? ''};
		case 'missing':
			return {kind: 'note', name: name ?? ''};
		case 'part':
			return {kind: 'partial', name: name ?? ''};
		case 'data':
			return {kind: 'content', name: name ?? '', storedAtMs: Number(storedAt)};
		default:
			return undefined;
	}
}
