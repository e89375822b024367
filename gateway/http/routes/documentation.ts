import {readFileSync} from 'node:fs';
import express, {type NextFunction, type Request, type RequestHandler, type Response, type Router} from 'express';
import {errorsPage} from '../docs/errors-page.ts';
import {referencePage} from '../docs/reference-page.ts';
import {createOpenApiDocument, type OpenApiDocument} from '../openapi/document.ts';
import type {Route} from '../route.ts';

/** The pages load their own style and script, call this very API, and nothing else. */
const CONTENT_SECURITY_POLICY = [
	"default-src 'none'",
	"script-src 'self'",
	"style-src 'self'",
	"connect-src 'self'",
	'img-src blob: data:',
	"base-uri 'none'",
	"form-action 'none'",
	"frame-ancestors 'none'",
].join('; ');

/**
 * `/api/openapi.json`, and `/docs` for people; neither needs a token. The document is made when it is first asked for: a start does
 * not wait for it.
 */
export function documentationRoutes(options: {routes: readonly Route[]; publicUrl: string; version: string}): Router {
	const document = once((): OpenApiDocument => createOpenApiDocument(options));
	const router = express.Router();
	router.get(
		'/api/openapi.json',
		serve(
			'json',
			once(() => JSON.stringify(document())),
		),
	);
	router.get(
		'/docs',
		withoutTrailingSlash,
		serve(
			'html',
			once(() => referencePage(document())),
		),
	);
	router.get('/docs/errors', withoutTrailingSlash, serve('html', once(errorsPage)));
	router.get(
		'/docs/viewer.css',
		serve(
			'css',
			once(() => asset('viewer.css')),
		),
	);
	router.get(
		'/docs/viewer.js',
		serve(
			'js',
			once(() => asset('viewer.js')),
		),
	);
	return router;
}

/** Their addresses are relative: behind a slash they would lead elsewhere. */
function withoutTrailingSlash({path}: Request, response: Response, next: NextFunction): void {
	if (path.endsWith('/')) {
		response.redirect(301, `../${path.split('/').at(-2) ?? ''}`);
		return;
	}
	next();
}

function serve(type: string, content: () => string): RequestHandler {
	return (_request, response) => {
		response.setHeader('Content-Security-Policy', CONTENT_SECURITY_POLICY);
		response.setHeader('Cache-Control', 'no-cache');
		response.type(type).end(content());
	};
}

function asset(name: string): string {
	return readFileSync(new URL(`../docs/${name}`, import.meta.url), 'utf8');
}

function once<T>(make: () => T): () => T {
	let made: {readonly value: T} | undefined;
	return () => (made ??= {value: make()}).value;
}
