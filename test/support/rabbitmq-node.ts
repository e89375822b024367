import {execFile, spawn, type ChildProcess} from 'node:child_process';
import {once} from 'node:events';
import {existsSync} from 'node:fs';
import {mkdtemp, rm, writeFile} from 'node:fs/promises';
import {connect} from 'node:net';
import {tmpdir} from 'node:os';
import {delimiter, dirname, join} from 'node:path';
import {promisify} from 'node:util';
import {freePort} from './gateway-process.ts';

const READY_WITHIN_MS = 60_000;
const CONTROL_WITHIN_MS = 60_000;
/** Under a low limit RabbitMQ 3.10 can hang while it starts: a quorum queue takes three file handles. */
const RAISE_FILE_LIMIT = 'ulimit -n "$(ulimit -Hn)"; exec "$0"';

/** A RabbitMQ node of a test's own, which it may stop, kill and start again. */
export class RabbitMqNode implements AsyncDisposable {
	readonly #folder: string;
	readonly #server: string;
	readonly #port: number;
	readonly #environment: NodeJS.ProcessEnv;
	#child: ChildProcess | undefined;

	private constructor(options: {folder: string; server: string; port: number; environment: NodeJS.ProcessEnv}) {
		this.#folder = options.folder;
		this.#server = options.server;
		this.#port = options.port;
		this.#environment = options.environment;
	}

	/** Whether this machine has the server; set TEST_RABBITMQ_SERVER to its path where it is elsewhere. */
	static isInstalled(): boolean {
		return findServer() !== undefined;
	}

	/** @param environment further variables of RabbitMQ, such as RABBITMQ_FEATURE_FLAGS */
	static async start(environment: Readonly<Record<string, string>> = {}): Promise<RabbitMqNode> {
		const server = findServer();
		if (server === undefined) throw new Error('there is no rabbitmq-server: install it, or set TEST_RABBITMQ_SERVER');
		const folder = await mkdtemp(join(tmpdir(), 'rabbitmq-'));
		// Debian's default limit of 50 MB of free disk is a trap of its own; tests need none.
		await writeFile(join(folder, 'rabbitmq.conf'), 'disk_free_limit.absolute = 100MB\nloopback_users = none\n');
		const port = await freePort();
		const distributionPort = await freePort();
		const node = new RabbitMqNode({
			folder,
			server,
			port,
			environment: {
				PATH: process.env['PATH'],
				HOME: folder,
				RABBITMQ_NODENAME: `test${port}@localhost`,
				RABBITMQ_NODE_PORT: String(port),
				RABBITMQ_DIST_PORT: String(distributionPort),
				RABBITMQ_MNESIA_BASE: join(folder, 'data'),
				RABBITMQ_LOG_BASE: join(folder, 'log'),
				RABBITMQ_CONFIG_FILE: join(folder, 'rabbitmq.conf'),
				RABBITMQ_ENABLED_PLUGINS_FILE: join(folder, 'plugins'),
				RABBITMQ_PID_FILE: join(folder, 'pid'),
				...environment,
			},
		});
		try {
			await node.start();
			return node;
		} catch (error) {
			await node[Symbol.asyncDispose]();
			throw error;
		}
	}

	get url(): string {
		return `amqp://guest:guest@127.0.0.1:${this.#port}`;
	}

	/** Starts it (again) with the data it had. */
	async start(): Promise<void> {
		// A process group of its own: a Ctrl-C in the terminal is for the test, which then ends the node.
		const child = spawn('/bin/sh', ['-c', RAISE_FILE_LIMIT, this.#server], {
			stdio: 'ignore',
			detached: true,
			env: this.#environment,
		});
		this.#child = child;
		process.once('exit', this.#killGroup);
		const deadline = Date.now() + READY_WITHIN_MS;
		while (!(await this.#answers())) {
			if (hasEnded(child)) throw new Error(`RabbitMQ ended while it started (${describeEnd(child)})`);
			if (Date.now() > deadline) throw new Error('RabbitMQ did not start');
			await new Promise((resolve) => setTimeout(resolve, 100));
		}
	}

	/** Ends it in good order. */
	async stop(): Promise<void> {
		const child = this.#child;
		if (child === undefined || hasEnded(child)) return;
		const ended = once(child, 'exit');
		child.kill('SIGTERM');
		await ended;
		process.off('exit', this.#killGroup);
	}

	/** `rabbitmqctl stop_app`: every connection is closed and none is taken, while the Erlang node goes on. */
	async stopApp(): Promise<void> {
		await this.#control('stop_app');
	}

	/** `rabbitmqctl start_app`. Resolves when it takes connections. */
	async startApp(): Promise<void> {
		await this.#control('start_app');
	}

	async [Symbol.asyncDispose](): Promise<void> {
		await this.stop();
		await rm(this.#folder, {recursive: true, force: true});
	}

	async #control(command: string): Promise<void> {
		const path = join(dirname(this.#server), 'rabbitmqctl');
		await promisify(execFile)(path, [command], {env: this.#environment, timeout: CONTROL_WITHIN_MS});
	}

	/** For a test that ends without disposing: nothing may stay behind. */
	readonly #killGroup = (): void => {
		const pid = this.#child?.pid;
		if (pid === undefined) return;
		try {
			process.kill(-pid, 'SIGKILL');
		} catch {
			// It is gone already.
		}
	};

	#answers(): Promise<boolean> {
		return new Promise((resolve) => {
			const socket = connect(this.#port, '127.0.0.1');
			socket.once('connect', () => {
				socket.destroy();
				resolve(true);
			});
			socket.once('error', () => {
				resolve(false);
			});
		});
	}
}

/** Debian's own folder comes first: what it puts into the PATH changes the user. */
function findServer(): string | undefined {
	const named = process.env['TEST_RABBITMQ_SERVER'];
	const folders = ['/usr/lib/rabbitmq/bin', ...(process.env['PATH'] ?? '').split(delimiter)];
	const candidates = named === undefined ? folders.map((folder) => join(folder, 'rabbitmq-server')) : [named];
	return candidates.find((path) => existsSync(path));
}

function hasEnded({exitCode, signalCode}: ChildProcess): boolean {
	return exitCode !== null || signalCode !== null;
}

function describeEnd({exitCode, signalCode}: ChildProcess): string {
	return signalCode ?? `exit code ${String(exitCode)}`;
}
