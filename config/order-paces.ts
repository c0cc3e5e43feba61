/** How often the city is asked for orders, alone and beside those that it pushes. */
export const POLL_MS = 10_000;
export const POLL_BESIDE_PUSHES_MS = 60_000;
