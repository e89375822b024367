/** How long WhatsApp lets people edit a message, by its help pages. */
export const EDITABLE_MS = 15 * 60 * 1000;

/** How long it lets them delete one for everyone: "a little over two days" since August 2022, 2 days and 12 hours as observed. */
export const REVOCABLE_MS = 60 * 60 * 60 * 1000;
