/** What the requests of the facts are made of: nothing is compared with it. */
interface Request {
  /** Null: no token at all. That of the provider `rec` when absent. */
  readonly token?: string | null;
  readonly headers?: readonly string[];
  readonly body?: string;
}

/** A request as it goes over the wire. */
export function request(method: string, target: string, { token = 'rec-token', headers = [], body }: Request = {}): string {
  const lines = [
    `${method} ${target} HTTP/1.1`,
    'Host: city',
    ...(token === null ? [] : [`IDENTITY_KEY: ${token}`]),
    ...headers,
    ...(body === undefined ? [] : [`Content-Length: ${Buffer.byteLength(body)}`]),
  ];
  return `${lines.join('\r\n')}\r\n\r\n${body ?? ''}`;
}

export const get = (target: string, more: Request = {}): string => request('GET', target, more);
export const put = (target: string, body: string, more: Request = {}): string => request('PUT', target, { body, ...more });
export const post = (target: string, body: string, more: Request = {}): string => request('POST', target, { body, ...more });
export const del = (target: string, more: Request = {}): string => request('DELETE', target, more);

/** A PUT whose head announces a body of `length` bytes, of which `body` is what is sent. */
export const putPart = (target: string, length: number, body: string, more: Request = {}): string =>
  request('PUT', target, { ...more, headers: [...(more.headers ?? []), `Content-Length: ${length}`] }) + body;

/** A PUT in chunks. */
export function putChunked(target: string, chunks: readonly string[], more: Request = {}): string {
  const head = request('PUT', target, { ...more, headers: [...(more.headers ?? []), 'Transfer-Encoding: chunked'] });
  return `${head}${chunks.map((chunk) => `${Buffer.byteLength(chunk).toString(16)}\r\n${chunk}\r\n`).join('')}0\r\n\r\n`;
}
