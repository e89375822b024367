import type {Connections} from '../../domain/connections/connections.ts';
import type {Messaging} from '../../domain/messaging/messaging.ts';
import type {SimulatorControl} from '../../domain/ports/simulator-control.ts';
import type {Tokens} from '../../domain/tokens/tokens.ts';
import type {Webhooks} from '../../domain/webhooks/webhooks.ts';
import type {Route} from './route.ts';
import {connectionRoutes} from './routes/connections.ts';
import {messageRoutes} from './routes/messages.ts';
import {simulatorRoutes} from './routes/simulator.ts';
import {tokenRoutes} from './routes/tokens.ts';
import {webhookRoutes} from './routes/webhooks.ts';

/** The use cases behind the routes. */
export interface UseCases {
	readonly tokens: Tokens;
	readonly connections: Connections;
	readonly webhooks: Webhooks;
	readonly messaging: Messaging;
	/** Present only where the engine is the simulator. */
	readonly simulator?: SimulatorControl | undefined;
}

/** Every route that needs a token, as data: whatever holds for all of them is done (and tested) once, over this list. */
export function tenantRoutes({simulator, ...useCases}: UseCases, publicUrl: string): readonly Route[] {
	return [
		...tokenRoutes(useCases),
		...connectionRoutes({...useCases, publicUrl}),
		...messageRoutes(useCases),
		...webhookRoutes({...useCases, publicUrl}),
		...(simulator === undefined ? [] : simulatorRoutes({...useCases, simulator})),
	];
}
