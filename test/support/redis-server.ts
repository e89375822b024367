import {spawn, type ChildProcess} from 'node:child_process';
import {once} from 'node:events';
import {existsSync} from 'node:fs';
import {connect} from 'node:net';
import {delimiter, join} from 'node:path';
import {freePort} from './gateway-process.ts';

const READY_WITHIN_MS = 20_000;

/** A Redis of a test's own, which it may stop and start again; it forgets everything then. */
export class RedisServer implements AsyncDisposable {
	readonly #port: number;
	#child: ChildProcess | undefined;

	private constructor(port: number) {
		this.#port = port;
	}

	/** Whether this machine has the server. */
	static isInstalled(): boolean {
		return (process.env['PATH'] ?? '').split(delimiter).some((folder) => existsSync(join(folder, 'redis-server')));
	}

	static async start(): Promise<RedisServer> {
		const server = new RedisServer(await freePort());
		await server.start();
		return server;
	}

	get url(): string {
		return `redis://127.0.0.1:${this.#port}`;
	}

	/** Starts it (again), on the same port. */
	async start(): Promise<void> {
		const args = ['--port', String(this.#port), '--save', '', '--appendonly', 'no'];
		this.#child = spawn('redis-server', args, {stdio: 'ignore'});
		const deadlineMs = performance.now() + READY_WITHIN_MS;
		while (!(await this.#answers())) {
			if (performance.now() > deadlineMs) throw new Error('Redis did not start');
			await new Promise((resolve) => setTimeout(resolve, 50));
		}
	}

	async stop(): Promise<void> {
		const child = this.#child;
		if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
		const ended = once(child, 'exit');
		child.kill('SIGKILL');
		await ended;
	}

	[Symbol.asyncDispose](): Promise<void> {
		return this.stop();
	}

	#answers(): Promise<boolean> {
		const {promise, resolve} = Promise.withResolvers<boolean>();
		const socket = connect(this.#port, '127.0.0.1');
		socket.once('connect', () => {
			resolve(true);
		});
		socket.once('error', () => {
			resolve(false);
		});
		return promise.finally(() => socket.destroy());
	}
}
