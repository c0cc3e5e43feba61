/**
 * One turn of the event loop: resolves after every microtask that is ready now, and every microtask these make, has
 * run. It is what a VirtualClock waits for between two instants.
 */
export function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
