import test from 'ava';
import {whatsappEngineContract, type SentFile} from '../contracts/whatsapp-engine.contract.ts';
import {SimulatorBench} from '../support/simulator-bench.ts';

whatsappEngineContract(test, {
	name: 'simulator',
	start: () => {
		const bench = new SimulatorBench();
		const {engine, clock} = bench;
		return Promise.resolve({
			engine,
			configOf: () => ({callbackUrl: '', ingestionKey: ''}),
			link: (session) => engine.scan(session),
			events: (session) => bench.events.filter((event) => event.session === session),
			settle: () => clock.advance(200),
			receive: async (session, message) => (await engine.receive(session, message)).messageId,
			forgetFiles: () => clock.advance(180_000),
			sentFile: (_session, messageId) => {
				const payload = bench.payloads('message.any').find(({id}) => id === messageId);
				return payload && sentFileOf(payload['_data'] as RawMessage);
			},
			typingIn: (session) => engine.typingIn(session),
			[Symbol.asyncDispose]: () => bench[Symbol.asyncDispose](),
		});
	},
});

interface RawMessage {
	readonly message: Readonly<Record<string, RawContent>>;
}

interface RawContent {
	readonly mimetype: string;
	readonly fileSha256: string;
	readonly fileLength: string;
	readonly message?: RawMessage['message'];
}

/** What the raw message says of the file. */
function sentFileOf({message}: RawMessage): SentFile | undefined {
	const [content] = Object.values(message);
	if (content?.message !== undefined) {
		return sentFileOf({message: content.message});
	}
	return (
		content && {
			sizeBytes: Number(content.fileLength),
			sha256: Buffer.from(content.fileSha256, 'base64').toString('hex'),
			mimetype: content.mimetype,
		}
	);
}
