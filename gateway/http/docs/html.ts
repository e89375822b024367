/** Makes text harmless inside of HTML, also in attributes. */
export function escapeHtml(text: string): string {
	return text
		.replaceAll('&', '&amp;')
		.replaceAll('<', '&lt;')
		.replaceAll('>', '&gt;')
		.replaceAll('"', '&quot;')
		.replaceAll("'", '&#39;');
}

/** The little Markdown that descriptions use: paragraphs, lists, `code` and **bold**. */
export function markdown(text: string): string {
	return text
		.split(/\n{2,}/)
		.map((block) => {
			const lines = block.split('\n');
			return lines.every((line) => line.startsWith('- '))
				? `<ul>${lines.map((line) => `<li>${inline(line.slice(2))}</li>`).join('')}</ul>`
				: `<p>${inline(block)}</p>`;
		})
		.join('\n');
}

function inline(text: string): string {
	return escapeHtml(text)
		.replaceAll(/`([^`]+)`/g, '<code>$1</code>')
		.replaceAll(/\*\*([^*]+)\*\*/g, '<strong>$1</strong>');
}

/**
 * A page of `/docs`. Everything that it loads comes from here, by relative addresses: it also works behind a path prefix.
 * @param base what leads from the page to `/docs/`
 */
export function page({title, base, body}: {title: string; base: string; body: string}): string {
	return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${escapeHtml(title)}</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="${base}viewer.css">
<script src="${base}viewer.js" type="module"></script>
</head>
<body>
${body}
</body>
</html>
`;
}
