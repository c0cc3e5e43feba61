import { InvalidArgumentError } from 'commander';

const PORT_MAX = 65_535;

/** The value of a port option; 0 stands for any free one. */
export function portNumber(value: string): number {
  const port = /^\d{1,5}$/.test(value) ? Number(value) : PORT_MAX + 1;
  if (port > PORT_MAX) throw new InvalidArgumentError(`Give a number from 0 to ${PORT_MAX}.`);
  return port;
}
