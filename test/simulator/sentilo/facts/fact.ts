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
  /** So many connections are opened before it, one by one, and say nothing; they stay open. */
  readonly idleCount?: number;
  /** What goes wrong in the city during this exchange. */
  readonly fault?: CityTrouble;
  /** The request as it goes over the wire; each line ends with \r\n. */
  readonly send: string | Uint8Array;
  /** What happens on the connection after that, in this order. */
  readonly steps?: readonly Step[];
  /** Undefined: only prepares what follows, and must be answered 200. */
  readonly expect?: Expected | NoAnswer;
}

export type CityTrouble =
  /** A prefix of the batch is stored: `chance` in [0, 1) of it. */
  | { readonly kind: 'partial'; readonly chance: number }
  | { readonly kind: 'forget-sensors' }
  | { readonly kind: 'status'; readonly status: number };

export type Step =
  | { readonly send: string }
  /** The server has sent exactly this, and nothing else so far. */
  | { readonly receive: string }
  /** So much virtual time passes, milliseconds, and before it has passed the server sends nothing. */
  | { readonly silentMs: number }
  /** The client ends its side and still listens (FIN), closes, or breaks the connection off (RST). */
  | 'fin'
  | 'close'
  | 'reset';

/** The server ends the connection without a byte, or breaks it off; or the client is gone and sees nothing. */
export type NoAnswer = 'dropped' | 'broken off' | 'unseen';

export interface Expected {
  readonly status: number;
  /** The protocol of the status line; HTTP/1.1 when absent. */
  readonly protocol?: string;
  /** By name; null: the answer has none of that name. */
  readonly headers?: Readonly<Record<string, string | RegExp | null>>;
  /** The whole body as text, or what it must match. JSON is compared as it is written. */
  readonly body?: string | RegExp;
}
