import type {Messaging} from '../../../domain/messaging/messaging.ts';
import type {UrlRefusal} from '../file-fields.ts';
import type {Route} from '../route.ts';
import {messageChangeRoutes} from './message-changes.ts';
import {presenceRoutes} from './presence.ts';
import {sendFileRoutes} from './send-files.ts';
import {sendRoutes} from './send.ts';

/** Everything that is written into chats. */
export function messageRoutes(dependencies: {messaging: Messaging; refusal: UrlRefusal}): readonly Route[] {
	return [
		...sendRoutes(dependencies),
		...sendFileRoutes(dependencies),
		...messageChangeRoutes(dependencies),
		...presenceRoutes(dependencies),
	];
}
