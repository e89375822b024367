import {instanceCachingFactory as once, type DependencyContainer} from 'tsyringe';
import {JoseIdentityVerifier} from '../adapters/jose/jose-identity-verifier.ts';
import {Authenticator} from '../domain/tokens/authenticator.ts';
import {SignIn} from '../domain/tokens/sign-in.ts';
import {Tickets} from '../domain/tokens/tickets.ts';
import {Tokens} from '../domain/tokens/tokens.ts';
import {Users} from '../domain/tokens/users.ts';
import type {ContainerOptions} from './container-options.ts';
import {TOKENS} from './tokens.ts';

/** Who calls: tokens, sign-in, users. */
export function registerIdentity(
	container: DependencyContainer,
	{config, clock, log, infrastructure}: ContainerOptions,
): void {
	const {tokenStore, userStore, connectionStore} = infrastructure.stores;
	container.register(TOKENS.signIn, {
		useFactory: once(() => {
			if (config.signIn === undefined) return undefined;
			const verifier = new JoseIdentityVerifier({...config.signIn, clock, log});
			return new SignIn({verifier, users: userStore, clock});
		}),
	});
	container.register(TOKENS.authenticator, {
		useFactory: once((c) => {
			const signIn = c.resolve(TOKENS.signIn);
			const authenticator = new Authenticator({tokens: tokenStore, users: userStore, signIn, clock, log});
			c.resolve(TOKENS.control).follow(authenticator);
			return authenticator;
		}),
	});
	container.register(TOKENS.tokens, {
		useFactory: once(
			(c) => new Tokens({store: tokenStore, connections: connectionStore, control: c.resolve(TOKENS.control), clock}),
		),
	});
	container.register(TOKENS.tickets, {
		useFactory: once(
			(c) => new Tickets({store: infrastructure.tickets, authenticator: c.resolve(TOKENS.authenticator), clock}),
		),
	});
	container.register(TOKENS.users, {
		useFactory: once((c) => new Users({store: userStore, control: c.resolve(TOKENS.control)})),
	});
}
