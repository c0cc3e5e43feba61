import type { ConnectionInput } from './connection-input.ts';
import { InputEnded } from './connection-input.ts';

/** A request line or header line of 20 kB is served; something must end a peer that never ends its line. */
const LINE_BYTES_MAX = 256 * 1024;
const HEADERS_MAX = 1000;
/** The real server ends with its memory; a longer body breaks the connection, as there. */
const BODY_BYTES_MAX = 128 * 1024 * 1024;

/** The methods that HttpCore knows. A made-up one is refused before Sentilo sees the request. */
const METHODS: readonly string[] = ['GET', 'PUT', 'POST', 'DELETE', 'HEAD', 'OPTIONS', 'TRACE', 'CONNECT', 'PATCH'];
const METHODS_WITH_BODY: readonly string[] = ['PUT', 'POST', 'PATCH'];

export interface RequestHead {
  readonly method: string;
  readonly target: string;
  readonly version: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
}

export interface RequestBody {
  readonly bytes: Uint8Array;
  /** Java exception and text, when the body did not come whole. */
  readonly failure?: string;
}

/** HttpCore's own refusal of what is not HTTP, answered as plain text. */
export class NotHttp extends Error {
  override readonly name = 'NotHttp';
  readonly status: 400 | 501;
  constructor(status: 400 | 501, message: string) {
    super(message);
    this.status = status;
  }
}

/** The peer asked for more than this server can hold; the connection is broken off. */
export class BeyondMemory extends Error {
  override readonly name = 'BeyondMemory';
}

/** First value of a header. */
export function headerOf(head: RequestHead, name: string): string | undefined {
  return head.headers.find(([key]) => key.toLowerCase() === name)?.[1];
}

/** Reads request line and headers. Rejects with NotHttp, BeyondMemory or InputEnded. */
export async function readHead(input: ConnectionInput): Promise<RequestHead> {
  const requestLine = await lineOf(input);
  const match = /^\s*(\S+)\s+(\S+)\s+(HTTP\/\d+\.\d+)\s*$/.exec(requestLine);
  const [, method, target, version] = match ?? [];
  if (method === undefined || target === undefined || version === undefined) {
    throw new NotHttp(400, `Invalid request line: ${requestLine}`);
  }
  const headers: [string, string][] = [];
  for (;;) {
    const line = await lineOf(input);
    if (line === '') break;
    const last = headers.at(-1);
    // A line that starts with a blank continues the one before it.
    if (/^[ \t]/.test(line) && last) last[1] += ` ${line.trim()}`;
    else headers.push(headerLine(line));
    if (headers.length > HEADERS_MAX) throw new BeyondMemory(`more than ${HEADERS_MAX} headers`);
  }
  if (!METHODS.includes(method.toUpperCase())) throw new NotHttp(501, `${method} method not supported`);
  return { method, target, version, headers };
}

async function lineOf(input: ConnectionInput): Promise<string> {
  const line = await input.line(LINE_BYTES_MAX);
  if (line === undefined) throw new BeyondMemory(`a line of more than ${LINE_BYTES_MAX} bytes`);
  return line;
}

function headerLine(line: string): [string, string] {
  const colon = line.indexOf(':');
  if (colon < 0) throw new NotHttp(400, `Invalid header: ${line}`);
  return [line.slice(0, colon).trim(), line.slice(colon + 1).trim()];
}

/** True when the request has a body that HttpCore reads: that of a GET or DELETE is left in the connection. */
export function hasBody(head: RequestHead): boolean {
  return METHODS_WITH_BODY.includes(head.method.toUpperCase());
}

/**
 * Reads the body. A peer that stalls or closes too early is no error here: the city answers it (sentilo.md §1.1). After a
 * stall the server waits once more, to drain what is still coming.
 */
export async function readBody(input: ConnectionInput, head: RequestHead): Promise<RequestBody> {
  const parts: Buffer[] = [];
  let sizeBytes = 0;
  const keep = (bytes: Buffer) => {
    parts.push(bytes);
    sizeBytes += bytes.length;
    if (sizeBytes > BODY_BYTES_MAX) throw new BeyondMemory(`a body of more than ${BODY_BYTES_MAX} bytes`);
  };
  const isChunked = /\bchunked\b/i.test(headerOf(head, 'transfer-encoding') ?? '');
  const lengthText = headerOf(head, 'content-length') ?? '';
  const expected = /^\d+$/.test(lengthText) ? Number(lengthText) : undefined;
  try {
    if (isChunked) await readChunks(input, keep);
    else if (expected !== undefined) while (sizeBytes < expected) keep(await input.some(expected - sizeBytes));
    return { bytes: Buffer.concat(parts) };
  } catch (error) {
    if (!(error instanceof InputEnded)) throw error;
    const failure = failureText(error, isChunked, expected, sizeBytes);
    if (error.kind === 'timeout') await drain(input, isChunked ? Number.POSITIVE_INFINITY : (expected ?? 0) - sizeBytes);
    return { bytes: Buffer.concat(parts), failure };
  }
}

/** Throws away up to `sizeBytes`, or what comes before the peer stalls again or closes. */
async function drain(input: ConnectionInput, sizeBytes: number): Promise<void> {
  try {
    for (let left = sizeBytes; left > 0; ) left -= (await input.some(left)).length;
  } catch (error) {
    if (!(error instanceof InputEnded)) throw error;
  }
}

function failureText(error: InputEnded, isChunked: boolean, expected: number | undefined, received: number): string {
  if (error.kind === 'timeout') return 'java.net.SocketTimeoutException: Read timed out';
  const what = isChunked ? 'chunk coded message body: closing chunk expected' : 'Content-Length delimited message body';
  const counts = isChunked ? '' : ` (expected: ${expected}; received: ${received})`;
  return `org.apache.http.ConnectionClosedException: Premature end of ${what}${counts}`;
}

async function readChunks(input: ConnectionInput, keep: (bytes: Buffer) => void): Promise<void> {
  for (;;) {
    const sizeText = (await lineOf(input)).split(';', 1)[0]?.trim() ?? '';
    if (!/^[0-9a-fA-F]{1,8}$/.test(sizeText)) throw new NotHttp(400, `Bad chunk header: ${sizeText}`);
    let left = Number.parseInt(sizeText, 16);
    if (left === 0) break;
    while (left > 0) {
      const bytes = await input.some(left);
      left -= bytes.length;
      keep(bytes);
    }
    await lineOf(input);
  }
  // Trailers end with an empty line, as a head does.
  while ((await lineOf(input)) !== '');
}
