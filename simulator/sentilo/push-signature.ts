import { createHash, createHmac } from 'node:crypto';

/** What a push is signed with. */
export interface SignedPush {
  readonly secret: string;
  /** The bytes as they are sent. */
  readonly body: Uint8Array;
  /** The header `X-Sentilo-Date`, `dd/MM/yyyyTHH:mm:ss`. */
  readonly date: string;
  /** As it was subscribed, to the last slash. */
  readonly endpoint: string;
}

/** The header `X-Sentilo-Content-Hmac`: Base64 of an HMAC-SHA512 (sentilo.md §2.2). */
export function pushSignature({ secret, body, date, endpoint }: SignedPush): string {
  const digest = createHash('md5').update(body).digest('base64');
  // Always the bare type, whatever the request's own header says.
  const text = ['POST', digest, 'application/json', date, endpoint].join('\n');
  return createHmac('sha512', secret).update(text).digest('base64');
}
