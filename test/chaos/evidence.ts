import type {ChaosDeployment} from './deployment.ts';
import type {Ledger} from './ledger.ts';
import type {ChaosOptions} from './options.ts';
import type {SocketWatch} from './socket-watch.ts';
import type {Traffic} from './traffic.ts';

/** What a run leaves to look at. */
export interface Evidence {
	readonly deployment: ChaosDeployment;
	readonly traffic: Traffic;
	/** One for each tenant. */
	readonly watches: readonly SocketWatch[];
	readonly ledger: () => Ledger;
	readonly options: ChaosOptions;
}
