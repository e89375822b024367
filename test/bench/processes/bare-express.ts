import express from 'express';

/** The least that express can do: one route that answers what it is told, as an object, and nothing around it. */
process.once('message', (body: unknown) => {
	const app = express();
	app.disable('x-powered-by');
	app.disable('etag');
	app.get('/api/connections', (_request, response) => {
		response.json(body);
	});
	const server = app.listen(0, '127.0.0.1', () => {
		const address = server.address();
		process.send?.(typeof address === 'object' && address !== null ? address.port : 0);
	});
});
process.once('disconnect', () => process.exit(0));
