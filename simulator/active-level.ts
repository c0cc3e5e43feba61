/** Whether `active` in a device's options says that a high level means on. */
export function isActiveHigh(options: unknown): boolean {
  return typeof options === 'object' && options !== null && 'active' in options && options.active === 'high';
}
