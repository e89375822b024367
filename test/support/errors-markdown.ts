import {ERROR_CODES} from '../../domain/errors.ts';
import {ERROR_CATALOGUE} from '../../gateway/http/error-catalogue.ts';

const INTRODUCTION = `# Errors

Every error of the API has one shape, whatever caused it, an unknown route and a full budget included:

\`\`\`json
{
  "message": "Connection not found",
  "error": "Not Found",
  "statusCode": 404,
  "code": "NOT_FOUND",
  "requestId": "3f1c2a9e-5b7d-4c60-9a41-0d8e6f2b7c15",
  "retryable": false,
  "docs": "http://127.0.0.1:3001/docs/errors#NOT_FOUND"
}
\`\`\`

\`message\` tells people what to do (webhook routes give an array of texts when several things are wrong); \`code\` is for programs and never changes its meaning; \`reason\` is there where a code has several causes.
\`retryable\` says whether the same request may succeed later without any change; \`Retry-After\` says when, if that is known. The log of the gateway has every line of a request under its \`requestId\`; send an \`X-Request-Id\` of your own to find it again.

| code | status | retryable |
| --- | --- | --- |
`;

/** `docs/errors.md`, made of the catalogue. */
export function errorsMarkdown(): string {
	const rows = ERROR_CODES.map((code) => {
		const {status, retryable} = ERROR_CATALOGUE[code];
		return `| [\`${code}\`](#${code.toLowerCase()}) | ${status} | ${retryable ? 'yes' : 'no'} |`;
	});
	const sections = ERROR_CODES.map((code) => {
		const {meaning, advice, example} = ERROR_CATALOGUE[code];
		return `## ${code}\n\n${meaning} ${advice}\n\n> ${example}\n`;
	});
	return `${INTRODUCTION}${rows.join('\n')}\n\n${sections.join('\n')}`;
}
