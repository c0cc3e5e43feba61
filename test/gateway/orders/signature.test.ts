import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { isSigned } from '../../../gateway/orders/signature.ts';

interface Verdict {
  readonly secret: string;
  readonly body: string;
  readonly date: string;
  readonly endpoint: string;
  readonly signature: string;
  readonly isValid: boolean;
}

/** Computed by Python's hmac (hmac-verdicts.py beside it), the two examples of Sentilo's documentation and tests among them. */
const VERDICTS: readonly Verdict[] = JSON.parse(
  readFileSync(new URL('../../data/sentilo/hmac-verdicts.json', import.meta.url), 'utf8'),
);

const isOurs = ({ body, date, signature, endpoint, secret }: Verdict) =>
  isSigned({ body: Buffer.from(body), date, signature }, endpoint, secret);

test('a push is believed when Python’s hmac says so, of 200 of which half were tampered with', () => {
  expect(VERDICTS).toHaveLength(200);
  expect(VERDICTS.filter((verdict) => isOurs(verdict) !== verdict.isValid)).toEqual([]);
});

test('no other way to write a right signature is believed', () => {
  for (const verdict of VERDICTS.filter(({ isValid }) => isValid)) {
    const { signature } = verdict;
    const others = ['', '=', signature.slice(0, -2), `${signature}=`, `${signature} `, ` ${signature}`, `${signature}AAAA`];
    const urlSafe = signature.replaceAll('+', '-').replaceAll('/', '_');
    for (const other of [...others, ...(urlSafe === signature ? [] : [urlSafe])]) {
      expect(isOurs({ ...verdict, signature: other }), JSON.stringify(other)).toBe(false);
    }
  }
});
