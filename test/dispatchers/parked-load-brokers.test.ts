import type {ExecutionContext} from 'ava';
import {eventually} from '../support/eventually.ts';
import type {LiveDispatchOptions} from '../support/live-dispatch-harness.ts';
import {medianOf} from '../support/median-of.ts';
import {findBrokers} from '../support/on-each-broker.ts';
import {ParkedSite, type Round} from '../support/parked-site.ts';

const PARKED = 100_000;
const HALF_AN_HOUR_MS = 30 * 60_000;

/** Those that come due in a second, of 100,000 that come back every half an hour: see parked-load.test.ts. */
const DUE_PER_SECOND = 56;
/** In each round beside them; as many as come due while a round takes its time. */
const COMING_BACK = 28;

/** Beside them healthy deliveries take at most this × what they take without … */
const AT_MOST = 1.5;
/** … and a single one, which takes a millisecond or two, so much more: one or another of those that come back goes first. */
const PLUS_MS: Readonly<Record<keyof Round, number>> = {latencyMs: 2, burstMs: 0};
/** Pairs of rounds with and without; more of them as long as neighbours on the machine spoil the medians. */
const PAIRS = {least: 7, most: 40};

/** A breaker's attempts: eleven until it opens, then a probe every few seconds. */
const MOST_ATTEMPTS = 60;

// In turn: they are measured.
const onEachBroker = await findBrokers({inTurn: true});

interface Pair {
	readonly beside: Round;
	readonly without: Round;
}

class Scene {
	readonly #empty: ParkedSite;
	readonly #full: ParkedSite;
	readonly #t: ExecutionContext;
	readonly #isEmbedded: boolean;
	/** Deliveries that were to come back so far. */
	#cameBack = 0;

	constructor(
		t: ExecutionContext,
		{empty, full, isEmbedded}: {empty: ParkedSite; full: ParkedSite; isEmbedded: boolean},
	) {
		this.#t = t;
		this.#empty = empty;
		this.#full = full;
		this.#isEmbedded = isEmbedded;
	}

	get cameBack(): number {
		return this.#cameBack;
	}

	/** A round with and one without, one right after the other, so that both have the same neighbours. */
	async pair(isFirstBeside: boolean): Promise<Pair> {
		if (isFirstBeside) {
			const beside = await this.#roundBeside();
			return {beside, without: await this.#roundWithout()};
		}
		const without = await this.#roundWithout();
		return {beside: await this.#roundBeside(), without};
	}

	/** Some of those whose half hour ends now come back meanwhile, at their even distances. */
	async #roundBeside(): Promise<Round> {
		const {clock} = this.#full.harness;
		const startMs = clock.now() + 1000;
		const dues = Array.from({length: COMING_BACK}, (_, index) => startMs + (index * 1000) / DUE_PER_SECOND);
		await this.#full.park(dues);
		await eventually(() => clock.now() >= startMs);
		const round = await this.#full.round();
		this.#cameBack += COMING_BACK;
		await eventually(() => this.#full.parkedAgain.length + this.#full.attempts >= this.#cameBack, 60_000);
		return round;
	}

	/** Elsewhere, while those that are parked lie there and cost nothing. */
	async #roundWithout(): Promise<Round> {
		// What RabbitMQ does meanwhile nobody here can see.
		if (!this.#isEmbedded) return this.#empty.round();
		const full = this.#full;
		await full.quiet();
		const {wakeUps} = full.harness.clock;
		const writtenAtNs = await full.writtenAtNs();
		const round = await this.#empty.round();
		// Whoever waits for longer looks at the clock once a minute.
		this.#t.true(full.harness.clock.wakeUps - wakeUps <= 1, 'nobody woke up');
		this.#t.is(await full.writtenAtNs(), writtenAtNs, 'nothing was written');
		return round;
	}
}

/** How many times as long one figure of the rounds beside was, but for what it may be more: the median of all pairs. */
function ratioOf(pairs: readonly Pair[], figure: keyof Round): number {
	return medianOf(pairs.map(({beside, without}) => (beside[figure] - PLUS_MS[figure]) / without[figure]));
}

function tell(pairs: readonly Pair[], figure: keyof Round): string {
	const [without, beside] = (['without', 'beside'] as const).map((which) =>
		medianOf(pairs.map((pair) => pair[which][figure])).toFixed(1),
	);
	return `${figure}: ${without} without, ${beside} beside (medians); of ${pairs.length} pairs ${ratioOf(pairs, figure).toFixed(2)} ×`;
}

async function loadsLittle(t: ExecutionContext, options: LiveDispatchOptions): Promise<void> {
	t.timeout(300_000);
	await using resources = new AsyncDisposableStack();
	const empty = await ParkedSite.create(options, resources);
	const full = await ParkedSite.create(options, resources);
	const {topology, clock} = full.harness;
	const level = topology.waitLevels.find(({delayMs}) => delayMs === HALF_AN_HOUR_MS);
	if (level === undefined) return t.fail('there is no level of half an hour');
	const dueAtMs = clock.now() + HALF_AN_HOUR_MS;
	await full.park(Array.from({length: PARKED}, (_, index) => dueAtMs + index));
	t.is(await full.messagesIn(level.queue), PARKED);

	const scene = new Scene(t, {empty, full, isEmbedded: options.amqpUrl === undefined});
	await scene.pair(true);
	const pairs: Pair[] = [];
	const figures = ['latencyMs', 'burstMs'] as const;
	const isSlow = (): boolean => figures.some((figure) => ratioOf(pairs, figure) > AT_MOST);
	while (pairs.length < PAIRS.least || (isSlow() && pairs.length < PAIRS.most)) {
		pairs.push(await scene.pair(pairs.length % 2 === 0));
	}
	for (const figure of figures) {
		t.log(tell(pairs, figure));
		t.true(ratioOf(pairs, figure) <= AT_MOST, tell(pairs, figure));
	}

	// All that came back waits again, each for half an hour, in one message; those that opened the breaker were attempts.
	t.is(full.parkedAgain.length + full.attempts, scene.cameBack);
	t.true(full.parkedAgain.every((exchange) => exchange === level.exchange.name));
	t.true(full.attempts <= MOST_ATTEMPTS, `${full.attempts} attempts`);
	t.is(await full.messagesIn(level.queue), PARKED + full.parkedAgain.length);
}

onEachBroker(
	'100,000 parked deliveries of a dead endpoint cost nothing while they wait, and healthy ones take at most half as long again beside them (and 2 ms)',
	loadsLittle,
);
