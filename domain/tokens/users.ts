import type {ControlBus} from '../broker/control-bus.ts';
import {ForbiddenError, NotFoundError} from '../errors.ts';
import type {Page} from '../ports/page.ts';
import type {UserStore} from '../ports/user-store.ts';
import type {User} from './token.ts';

/** What administrators do with users. */
export class Users {
	readonly #store: UserStore;
	readonly #control: ControlBus;

	constructor({store, control}: {store: UserStore; control: ControlBus}) {
		this.#store = store;
		this.#control = control;
	}

	/** All users, disabled ones too, oldest first. */
	list(page: Page): Promise<readonly User[]> {
		return this.#store.list(page);
	}

	/** @throws {NotFoundError} */
	async get(userId: string): Promise<User> {
		return toFound(await this.#store.find(userId));
	}

	/**
	 * A disabled user's tokens and sign-ins are refused and his sockets closed, at once; enabled again, all of it works as before.
	 * What others send to his connections is still delivered to his webhooks.
	 * @throws {ForbiddenError} administrators do not lock themselves out @throws {NotFoundError}
	 */
	async setDisabled(administrator: User, userId: string, disabled: boolean): Promise<User> {
		if (disabled && userId === administrator.id) {
			throw new ForbiddenError('You cannot disable yourself: another administrator can');
		}
		const user = toFound(await this.#store.setDisabled(userId, disabled));
		if (disabled) {
			await this.#control.announce({kind: 'user-disabled', userId});
		}
		return user;
	}
}

/** @throws {NotFoundError} */
function toFound(user: User | undefined): User {
	if (user === undefined) {
		throw new NotFoundError('User not found');
	}
	return user;
}
