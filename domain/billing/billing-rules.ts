/** How connections are limited here. */
export interface BillingRules {
	/** `off`: not at all. `manual`: by what administrators give. `provider`: also by what is paid for. */
	readonly mode: 'off' | 'manual' | 'provider';
	/** The most slots that a user can buy. */
	readonly maxSlots: number;
	/** How long what runs is kept after a payment failed. */
	readonly graceMs: number;
}
