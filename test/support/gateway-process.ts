import {randomInt} from 'node:crypto';
import {spawn, type ChildProcess} from 'node:child_process';
import {once} from 'node:events';
import {createServer} from 'node:net';
import {join} from 'node:path';

const ENTRY = join(import.meta.dirname, '../../gateway/main.ts');
const READY_WITHIN_MS = 30_000;
const STOP_WITHIN_MS = 20_000;
/** What a failed test gets to see of the process's output. */
const KEPT_OUTPUT = 200_000;

export interface GatewayProcessOptions {
	/** Configuration; nothing else of the environment is passed on but PATH. */
	readonly env: Readonly<Record<string, string>>;
	/** Default: all. */
	readonly roles?: string;
}

/** One real process of the program, on a port of its own; can be killed and started again. */
export class GatewayProcess implements AsyncDisposable {
	readonly port: number;
	readonly #options: GatewayProcessOptions;
	#child: ChildProcess | undefined;
	#output = '';

	private constructor(options: GatewayProcessOptions, port: number) {
		this.#options = options;
		this.port = port;
	}

	/** Resolves once it answers (whatever its health). @throws with its output when it ends instead. */
	static async start(options: GatewayProcessOptions): Promise<GatewayProcess> {
		const process = new GatewayProcess(options, await freePort());
		try {
			await process.start();
		} catch (error) {
			await process.kill();
			throw error;
		}
		return process;
	}

	get url(): string {
		return `http://127.0.0.1:${this.port}`;
	}

	get pid(): number {
		return this.#child?.pid ?? 0;
	}

	/** Standard output and error so far. */
	get output(): string {
		return this.#output;
	}

	/** Starts it (again), on the same port. @returns milliseconds until it answered */
	async start(): Promise<number> {
		const startedAt = performance.now();
		const args = [
			'--disable-warning=ExperimentalWarning',
			ENTRY,
			...(this.#options.roles === undefined ? [] : [this.#options.roles]),
		];
		const env = {PATH: process.env['PATH'] ?? '', PORT: String(this.port), LOG_FORMAT: 'json', ...this.#options.env};
		const child = spawn(process.execPath, args, {env, stdio: ['ignore', 'pipe', 'pipe']});
		for (const stream of [child.stdout, child.stderr]) {
			stream.on('data', (chunk: Buffer) => {
				this.#output = (this.#output + chunk.toString()).slice(-KEPT_OUTPUT);
			});
		}
		this.#child = child;
		while (!(await this.#answers())) {
			const hasEnded = child.exitCode !== null || child.signalCode !== null;
			if (hasEnded || performance.now() - startedAt > READY_WITHIN_MS) {
				throw new Error(`the process is not ready (exit code ${String(child.exitCode)}):\n${this.#output}`);
			}
			await new Promise((resolve) => setTimeout(resolve, 20));
		}
		return performance.now() - startedAt;
	}

	/** SIGKILL: no chance to clean up. */
	async kill(): Promise<void> {
		await this.#end('SIGKILL');
	}

	/** SIGTERM: finishes what runs. */
	async stop(): Promise<void> {
		await this.#end('SIGTERM');
	}

	async [Symbol.asyncDispose](): Promise<void> {
		await this.#end('SIGTERM');
	}

	async #end(signal: NodeJS.Signals): Promise<void> {
		const child = this.#child;
		if (child === undefined || child.exitCode !== null || child.signalCode !== null) {
			return;
		}
		const ended = once(child, 'exit');
		child.kill(signal);
		const timer = setTimeout(() => child.kill('SIGKILL'), STOP_WITHIN_MS);
		await ended;
		clearTimeout(timer);
	}

	async #answers(): Promise<boolean> {
		try {
			const response = await fetch(`${this.url}/api`);
			await response.body?.cancel();
			return response.ok;
		} catch {
			return false;
		}
	}
}

/** A port that nobody listens on at the moment, nor gets by chance: systems give out those from 32768 on. */
export async function freePort(): Promise<number> {
	for (;;) {
		const port = randomInt(20_000, 32_000);
		const server = createServer();
		try {
			server.listen(port, '127.0.0.1');
			await once(server, 'listening');
		} catch {
			continue;
		}
		server.close();
		await once(server, 'close');
		return port;
	}
}
