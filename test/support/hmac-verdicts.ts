import { readFileSync } from 'node:fs';

/** A push and its signature, right or not. */
export interface HmacVerdict {
  readonly changed: string;
  readonly secret: string;
  readonly body: string;
  readonly date: string;
  readonly endpoint: string;
  readonly signature: string;
  readonly isValid: boolean;
}

/** Computed by Python's hmac (hmac-verdicts.py beside it), the two examples of Sentilo's documentation and tests among them. */
export const HMAC_VERDICTS: readonly HmacVerdict[] = JSON.parse(
  readFileSync(new URL('../data/sentilo/hmac-verdicts.json', import.meta.url), 'utf8'),
);
