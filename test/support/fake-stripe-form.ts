/** What a form can hold, nested. */
export type FormValue = string | {readonly [key: string]: FormValue};

/** Reads `items[0][id]=si_1&expand[0]=latest_invoice` as Stripe does. */
export function parseForm(text: string): Readonly<Record<string, FormValue>> {
	const root: Record<string, unknown> = {};
	for (const [name, value] of new URLSearchParams(text)) {
		const path = name.split(/\[|\]\[|\]/).filter((part) => part !== '');
		let place = root;
		for (const part of path.slice(0, -1)) place = (place[part] ??= {}) as Record<string, unknown>;
		place[path.at(-1) ?? ''] = value;
	}
	return root as Record<string, FormValue>;
}

/** The text at a place of a form; undefined when there is none. */
export function textAt(form: FormValue | undefined, ...path: readonly string[]): string | undefined {
	let value = form;
	for (const part of path) value = typeof value === 'object' ? value[part] : undefined;
	return typeof value === 'string' ? value : undefined;
}

/** The texts of an object of a form. */
export function textsAt(form: FormValue | undefined, ...path: readonly string[]): Readonly<Record<string, string>> {
	let value = form;
	for (const part of path) value = typeof value === 'object' ? value[part] : undefined;
	return typeof value === 'object'
		? Object.fromEntries(
				Object.entries(value).filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
			)
		: {};
}
