import type { ParsedRequest } from './request.ts';
import type { Entity } from './world.ts';

/** How a batch ends that the server cannot finish: after so many of its observations, 500. */
export interface Interruption {
  /** Fraction of the batch in [0, 1): the prefix of that length (0 to all) is stored. */
  readonly storedFraction: number;
}

/** What a request may meet besides itself. */
export interface Circumstances {
  readonly nowMs: number;
  readonly interruption?: Interruption;
}

/** One service of the API: what stands behind the first segment of a path. */
export interface Service {
  /** The JSON text of a 200, empty for what changes something. Throws a Refusal. */
  handle(request: ParsedRequest, entity: Entity, circumstances: Circumstances): string;
}
