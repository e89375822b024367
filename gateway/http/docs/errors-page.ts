import {ERROR_CODES} from '../../../domain/errors.ts';
import {ERROR_CATALOGUE} from '../error-catalogue.ts';
import {escapeHtml, markdown, page} from './html.ts';

/** `/docs/errors`: what every code means and what to do about it. Errors link to their part of it. */
export function errorsPage(): string {
	const entries = ERROR_CODES.map((code) => {
		const {status, meaning, advice, retryable, example} = ERROR_CATALOGUE[code];
		return `<section id="${code}">
<h2><code>${code}</code></h2>
<p><b class="s${String(status).charAt(0)}">${status}</b> ${retryable ? 'The same request may succeed later.' : 'The same request fails again.'}</p>
${markdown(meaning)}
${markdown(`**What to do:** ${advice}`)}
<p>Such as: <q>${escapeHtml(example)}</q></p>
</section>`;
	});
	const body = `<nav><a href="../docs">Reference</a></nav>
<main>
<h1>Errors</h1>
<p>Every error has the same shape; <code>code</code> tells programs what happened, <code>message</code> tells people what to do.</p>
${entries.join('\n')}
</main>`;
	return page({title: 'Errors of the WAHooks gateway', base: './', body});
}
