import { Buffer } from 'node:buffer';
import { createHash, createHmac, timingSafeEqual } from 'node:crypto';

/** What the city says of the one who sent a push. */
export interface Signed {
  /** The bytes as they came: another way to write the same JSON has another signature. */
  readonly body: Uint8Array;
  /** The header `X-Sentilo-Date`. */
  readonly date: string;
  /** The header `X-Sentilo-Content-Hmac`, Base64. */
  readonly signature: string;
}

/**
 * Whether a push was signed with the key of the subscription: HMAC-SHA512 over the verb, the digest of the body, the bare type,
 * the date and the endpoint as it was subscribed (Sentilo reference §2.2). In constant time, so that nobody finds out by trying how
 * much of a forged one is right.
 */
export function isSigned({ body, date, signature }: Signed, endpoint: string, key: string): boolean {
  const digest = createHash('md5').update(body).digest('base64');
  const text = `POST\n${digest}\napplication/json\n${date}\n${endpoint}`;
  const expected = createHmac('sha512', key).update(text).digest();
  const given = Buffer.from(signature, 'base64');
  // Base64 has more than one way to write the same bytes, and the city uses one of them.
  return given.length === expected.length && given.toString('base64') === signature && timingSafeEqual(given, expected);
}
