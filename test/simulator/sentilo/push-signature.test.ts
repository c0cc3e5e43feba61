import { describe, expect, it } from 'vitest';
import { pushSignature } from '../../../simulator/sentilo/push-signature.ts';
import { HMAC_VERDICTS } from '../../support/hmac-verdicts.ts';

describe('the signature of a push (sentilo.md §2.2)', () => {
  it.each([
    {
      source: 'Sentilo’s documentation',
      secret: 'my_super_secret_key',
      date: '03/12/2020T07:36:27',
      endpoint: 'http://my.endpoint.com:1880/sentilo',
      body: '{"message":"26","timestamp":"03/12/2020T07:36:27","topic":"/data/TITAN/TITAN-S01","type":"DATA","sensor":"TITAN-S01","provider":"TITAN","time":1606980987614,"publisher":"TITAN","publishedAt":1606980987614,"publisherTenant":"","tenant":"","sender":"TITAN"}',
      signature: 'elMiy5BDgDB68UVMonNDCc/BH8YrLWtCP6CdvlB4T//uI87JmMvx+epPUDy8E3Rg4UC2Bm21n4Zj/CLxOEcEZA==',
    },
    {
      source: 'Sentilo’s own test',
      secret: '123456789',
      date: '10/06/2014T15:27:22',
      endpoint: 'http://l27.0.0.1/endpoint',
      body: '{"field1":"value1","field2":"value2"}',
      signature: 'j1OQ+fU667GQoHYHWzLBpigRjLJmRvYn53KHZhApTbrcphYWBlRPSBHkntODuqsqx11Vj8rsc7DDziiutTq/5g==',
    },
  ])('is that of $source', ({ signature, body, ...signed }) => {
    expect(pushSignature({ ...signed, body: Buffer.from(body) })).toBe(signature);
  });

  it('agrees with Python’s hmac about 200 pushes, half of them tampered with', () => {
    expect(HMAC_VERDICTS.filter(({ isValid }) => !isValid)).toHaveLength(100);
    const wrong = HMAC_VERDICTS.filter(
      ({ signature, body, isValid, secret, date, endpoint }) =>
        (pushSignature({ secret, date, endpoint, body: Buffer.from(body) }) === signature) !== isValid,
    );
    expect(wrong).toEqual([]);
    expect(HMAC_VERDICTS).toHaveLength(200);
  });
});
