import express from 'express';
import type {Connection} from '../../domain/connections/connection.ts';
import {EVERYTHING} from '../../domain/tokens/grants.ts';
import {errorHandler} from '../../gateway/http/error-handler.ts';
import {mount} from '../../gateway/http/mount.ts';
import {requestId} from '../../gateway/http/request-id.ts';
import type {Route} from '../../gateway/http/route.ts';
import {HttpServer} from '../../gateway/http/server.ts';
import {RecordingLogger} from './recording-logger.ts';
import {sampleUser} from './samples.ts';

/** Routes on a port of their own, for one caller and one connection: what comes before a route has tests of its own. */
export class RouteServer implements AsyncDisposable {
	readonly log: RecordingLogger;
	readonly #server: HttpServer;

	private constructor(server: HttpServer, log: RecordingLogger) {
		this.#server = server;
		this.log = log;
	}

	static async start(routes: readonly Route[], connection: Connection): Promise<RouteServer> {
		const publicUrl = 'https://gateway.example';
		const log = new RecordingLogger();
		const user = sampleUser({id: connection.userId});
		const app = express();
		app.use(requestId(log));
		for (const route of routes) {
			mount(app, route, {
				authenticateOf: () => (_request, response, next) => {
					response.locals['identity'] = {user, tokenId: null, callerId: 'test', grants: EVERYTHING};
					next();
				},
				limitOf: () => (_request, _response, next) => {
					next();
				},
				bodyOf: () => [],
				connections: {get: () => Promise.resolve(connection)},
				webhooks: {get: () => Promise.reject(new Error('there are no webhooks'))},
				deliveries: {
					get: () => Promise.reject(new Error('there are no deliveries')),
					connectionOf: () => Promise.reject(new Error('there are no deliveries')),
				},
				jobs: {get: () => Promise.reject(new Error('there are no jobs'))},
				events: {get: () => Promise.reject(new Error('there are no events'))},
			});
		}
		app.use(errorHandler({log, publicUrl}));
		return new RouteServer(await HttpServer.listen({listener: app, host: '127.0.0.1', port: 0, publicUrl}), log);
	}

	/** With `/api`. */
	get url(): string {
		return `http://127.0.0.1:${this.#server.port}/api`;
	}

	async [Symbol.asyncDispose](): Promise<void> {
		await this.#server[Symbol.asyncDispose]();
	}
}
