/**
 * Compiles a topic pattern (`*` one word, `#` any number of words, words parted by dots) into a test for routing keys.
 * An empty key has no words, as on RabbitMQ.
 */
export function compileTopicPattern(pattern: string): (routingKey: string) => boolean {
	const expected = wordsOf(pattern);
	return (routingKey) => matches(expected, wordsOf(routingKey));
}

function wordsOf(text: string): readonly string[] {
	return text === '' ? [] : text.split('.');
}

function matches(expected: readonly string[], words: readonly string[]): boolean {
	const [first, ...rest] = expected;
	if (first === undefined) {
		return words.length === 0;
	}
	if (first === '#') {
		return (
			rest.length === 0 ||
			[words, ...words.map((_, index) => words.slice(index + 1))].some((tail) => matches(rest, tail))
		);
	}
	return words.length > 0 && (first === '*' || first === words[0]) && matches(rest, words.slice(1));
}
