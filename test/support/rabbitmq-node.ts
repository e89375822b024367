import {spawn, type ChildProcess} from 'node:child_process';
import {once} from 'node:events';
import {existsSync} from 'node:fs';
import {mkdtemp, rm, writeFile} from 'node:fs/promises';
import {connect} from 'node:net';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {freePort} from './gateway-process.ts';

const SERVER = process.env['TEST_RABBITMQ_SERVER'] ?? '/usr/lib/rabbitmq/bin/rabbitmq-server';
const READY_WITHIN_MS = 60_000;

/** A RabbitMQ node of a test's own, which it may stop, kill and start again. */
export class RabbitMqNode implements AsyncDisposable {
	readonly #folder: string;
	readonly #port: number;
	readonly #distributionPort: number;
	readonly #environment: Readonly<Record<string, string>>;
	#child: ChildProcess | undefined;

	private constructor(
		folder: string,
		port: number,
		distributionPort: number,
		environment: Readonly<Record<string, string>>,
	) {
		this.#folder = folder;
		this.#port = port;
		this.#distributionPort = distributionPort;
		this.#environment = environment;
	}

	/** Whether this machine has the server; set TEST_RABBITMQ_SERVER to its path where it is elsewhere. */
	static isInstalled(): boolean {
		return existsSync(SERVER);
	}

	/** @param environment further variables of RabbitMQ, such as RABBITMQ_FEATURE_FLAGS */
	static async start(environment: Readonly<Record<string, string>> = {}): Promise<RabbitMqNode> {
		const folder = await mkdtemp(join(tmpdir(), 'rabbitmq-'));
		// Debian's default limit of 50 MB of free disk is a trap of its own; tests need none.
		await writeFile(join(folder, 'rabbitmq.conf'), 'disk_free_limit.absolute = 100MB\nloopback_users = none\n');
		const node = new RabbitMqNode(folder, await freePort(), await freePort(), environment);
		await node.start();
		return node;
	}

	get url(): string {
		return `amqp://guest:guest@127.0.0.1:${this.#port}`;
	}

	/** Starts it (again) with the data it had. */
	async start(): Promise<void> {
		const folder = this.#folder;
		this.#child = spawn(SERVER, [], {
			stdio: 'ignore',
			env: {
				PATH: process.env['PATH'],
				HOME: folder,
				RABBITMQ_NODENAME: `test${this.#port}@localhost`,
				RABBITMQ_NODE_PORT: String(this.#port),
				RABBITMQ_DIST_PORT: String(this.#distributionPort),
				RABBITMQ_MNESIA_BASE: join(folder, 'data'),
				RABBITMQ_LOG_BASE: join(folder, 'log'),
				RABBITMQ_CONFIG_FILE: join(folder, 'rabbitmq.conf'),
				RABBITMQ_ENABLED_PLUGINS_FILE: join(folder, 'plugins'),
				RABBITMQ_PID_FILE: join(folder, 'pid'),
				...this.#environment,
			},
		});
		const deadline = Date.now() + READY_WITHIN_MS;
		while (!(await this.#answers())) {
			if (Date.now() > deadline) throw new Error('RabbitMQ did not start');
			await new Promise((resolve) => setTimeout(resolve, 100));
		}
	}

	/** Ends it in good order. */
	async stop(): Promise<void> {
		const child = this.#child;
		if (child !== undefined && child.exitCode === null && child.signalCode === null) {
			const ended = once(child, 'exit');
			child.kill('SIGTERM');
			await ended;
		}
	}

	async [Symbol.asyncDispose](): Promise<void> {
		await this.stop();
		await rm(this.#folder, {recursive: true, force: true});
	}

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
