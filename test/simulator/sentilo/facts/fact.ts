import type { World } from '../../../../simulator/sentilo/world.ts';

/**
 * One fact of Sentilo 2.0.0 (sentilo.md), as bytes on a socket. What is expected is written out here; nothing of the simulated
 * city is imported but the shape of a world.
 */
export interface Fact {
  /** Of sentilo.md. */
  readonly section: string;
  readonly fact: string;
  /** The world it begins in; that of support.ts when absent. */
  readonly world?: World;
  /** One after the other, each over its own connection. */
  readonly exchanges: readonly Exchange[];
}

export interface Exchange {
  /** Virtual time that passes before it, milliseconds. */
  readonly afterMs?: number;
  /** The request as it goes over the wire; each line ends with \r\n. */
  readonly send: string;
  /** Undefined: only prepares what follows, and must be answered 200. */
  readonly expect?: Expected;
}

export interface Expected {
  readonly status: number;
  /** By name; null: the answer has none of that name. */
  readonly headers?: Readonly<Record<string, string | null>>;
  /** The whole body as text, or what it must match. JSON is compared as it is written. */
  readonly body?: string | RegExp;
}
