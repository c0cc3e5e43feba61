import { expect, test } from 'vitest';
import { isSigned } from '../../../gateway/orders/signature.ts';
import { HMAC_VERDICTS, type HmacVerdict } from '../../support/hmac-verdicts.ts';

const isOurs = ({ body, date, signature, endpoint, secret }: HmacVerdict) =>
  isSigned({ body: Buffer.from(body), date, signature }, endpoint, secret);

test('a push is believed when Python’s hmac says so, of 200 of which half were tampered with', () => {
  expect(HMAC_VERDICTS).toHaveLength(200);
  expect(HMAC_VERDICTS.filter((verdict) => isOurs(verdict) !== verdict.isValid)).toEqual([]);
});

test('no other way to write a right signature is believed', () => {
  for (const verdict of HMAC_VERDICTS.filter(({ isValid }) => isValid)) {
    const { signature } = verdict;
    const others = ['', '=', signature.slice(0, -2), `${signature}=`, `${signature} `, ` ${signature}`, `${signature}AAAA`];
    const urlSafe = signature.replaceAll('+', '-').replaceAll('/', '_');
    for (const other of [...others, ...(urlSafe === signature ? [] : [urlSafe])]) {
      expect(isOurs({ ...verdict, signature: other }), JSON.stringify(other)).toBe(false);
    }
  }
});
