// Runs in the browser, as it is: lets every operation of the page be tried, and finds them. Loads nothing.

const token = document.querySelector('#token');
const filter = document.querySelector('#filter');

if (token !== null && filter !== null) {
	// For this tab only: closing it forgets the token.
	token.value = sessionStorage.getItem('token') ?? '';
	token.addEventListener('input', () => sessionStorage.setItem('token', token.value));
	filter.addEventListener('input', () => find(filter.value.trim().toLowerCase()));
	for (const form of document.querySelectorAll('form')) form.hidden = false;
	document.querySelector('#settings').addEventListener('submit', (event) => event.preventDefault());
	for (const form of document.querySelectorAll('form[data-method]')) {
		form.addEventListener('submit', (event) => {
			event.preventDefault();
			void send(form);
		});
	}
}
openTarget();
addEventListener('hashchange', openTarget);

/** A link to an operation opens it. */
function openTarget() {
	const target = document.getElementById(location.hash.slice(1));
	if (target instanceof HTMLDetailsElement) target.open = true;
}

function find(text) {
	for (const operation of document.querySelectorAll('details.operation')) {
		operation.hidden = !operation.querySelector('summary').textContent.toLowerCase().includes(text);
	}
}

async function send(form) {
	const output = form.querySelector('output');
	output.replaceChildren('…');
	try {
		const startedAt = performance.now();
		const response = await fetch(...requestOf(form));
		const tookMs = Math.round(performance.now() - startedAt);
		const headers = [...response.headers].map(([name, value]) => `${name}: ${value}`).join('\n');
		const status = element('p', `${response.status} ${response.statusText}, ${tookMs} ms`);
		output.replaceChildren(status, element('pre', headers), await bodyOf(response));
	} catch (error) {
		output.replaceChildren(element('p', String(error)));
	}
}

/** What `fetch` takes. The address is relative: the page may be behind a prefix. */
function requestOf(form) {
	const {method, path} = form.dataset;
	let address = path;
	const query = new URLSearchParams();
	const headers = {};
	for (const {name, value, dataset} of form.querySelectorAll('input')) {
		if (dataset.in === 'path') address = address.replace(`{${name}}`, encodeURIComponent(value));
		if (dataset.in === 'query' && value !== '') query.set(name, value);
		if (dataset.in === 'header' && value !== '') headers[name] = value;
	}
	if (token.value !== '') headers['Authorization'] = `Bearer ${token.value}`;
	const body = form.querySelector('textarea')?.value;
	if (body !== undefined) headers['Content-Type'] = 'application/json';
	const url = new URL(`.${address}${query.size > 0 ? `?${query}` : ''}`, document.baseURI);
	return [url, {method, headers, body}];
}

async function bodyOf(response) {
	const type = response.headers.get('content-type') ?? '';
	if (type.includes('json')) {
		return element('pre', JSON.stringify(JSON.parse(await response.text()), null, 2));
	}
	const blob = await response.blob();
	if (blob.size === 0) return element('p', 'Empty');
	const url = URL.createObjectURL(blob);
	if (/^image\/(png|jpeg|gif|webp)/.test(type)) {
		const image = document.createElement('img');
		image.src = url;
		return image;
	}
	const link = element('a', `${blob.size} bytes of ${type}`);
	link.href = url;
	link.download = '';
	return link;
}

function element(name, text) {
	const made = document.createElement(name);
	made.textContent = text;
	return made;
}
