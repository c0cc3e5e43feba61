import type { CityRequest } from './answer.ts';
import { internalError, JSON_TYPE } from './answer.ts';
import { hasText } from './java-text.ts';

/** A request after the first step of the pipeline: its parts are understood, nothing has been checked yet. */
export interface ParsedRequest {
  readonly method: 'GET' | 'PUT' | 'POST' | 'DELETE';
  /** As sent, for messages. */
  readonly target: string;
  /** The first path segment; empty for the root. */
  readonly service: string;
  /** The segments behind it, decoded. */
  readonly parts: readonly string[];
  /** Query parameters; of a repeated name the last counts. A name without `=` has no entry. */
  readonly query: ReadonlyMap<string, string>;
  /** What a success echoes. */
  readonly contentType: string;
  /** First value of a header, by its name in any case. */
  header(name: string): string | undefined;
  /** Length that the head announced; undefined for a chunked body. */
  readonly bodyLength: number | undefined;
  /** The body as text, in the charset of the content type. */
  bodyText(): string;
  readonly bodyFailure: string | undefined;
}

/** What java.net.URI takes: no space, no `"<>\^`{|}`, no control sign, brackets only in the query, `%` only before two digits. */
const PATH_TEXT = /^(?:[\w\-.~!$&'()*+,;=:@/\u00a1-\uffff]|%[0-9a-fA-F]{2})*$/;
const QUERY_TEXT = /^(?:[\w\-.~!$&'()*+,;=:@/?[\]\u00a1-\uffff]|%[0-9a-fA-F]{2})*$/;
/** `[scheme:][//authority]path[?query][#fragment]` */
const TARGET = /^(?:[A-Za-z][A-Za-z0-9+.-]*:)?(?:\/\/([^/?#]*))?([^?#]*)(?:\?([^#]*))?(?:#(.*))?$/s;
const METHODS: readonly string[] = ['GET', 'PUT', 'POST', 'DELETE'];

/** Understands a request, or throws a 500: the real server converts before it checks anything, so not even a token is asked for. */
export function parseRequest(request: CityRequest, nowMs: number): ParsedRequest {
  const header = (name: string) => request.headers.find(([key]) => key.toLowerCase() === name.toLowerCase())?.[1];
  if (!METHODS.includes(request.method)) throw internalError(nowMs);
  const contentType = header('content-type');
  const decoder = decoderOf(contentType, nowMs);
  const uri = parseTarget(request.target, nowMs);
  // HttpCore gives a body to PUT and POST only: that of a DELETE is never read.
  const hasBody = request.method === 'PUT' || request.method === 'POST';
  return {
    method: request.method as ParsedRequest['method'],
    target: request.target,
    ...uri,
    contentType: hasText(contentType) ? contentType.trim() : JSON_TYPE,
    header,
    bodyLength: hasBody ? (header('transfer-encoding') === undefined ? request.body.length : undefined) : 0,
    bodyText: () => (hasBody ? decoder.decode(request.body) : ''),
    bodyFailure: hasBody ? request.bodyFailure : undefined,
  };
}

function decoderOf(contentType: string | undefined, nowMs: number): { decode(bytes: Uint8Array): string } {
  const charset = /;\s*charset\s*=\s*"?([^";\s]*)/i.exec(contentType ?? '')?.[1] ?? 'utf-8';
  try {
    // A byte order mark must reach the JSON reader, which refuses it.
    return new TextDecoder(charset, { ignoreBOM: true });
  } catch {
    throw internalError(nowMs);
  }
}

function parseTarget(target: string, nowMs: number): Pick<ParsedRequest, 'service' | 'parts' | 'query'> {
  const [, authority, rawPath = '', rawQuery = ''] = TARGET.exec(target) ?? [];
  const isLegal = PATH_TEXT.test(rawPath) && QUERY_TEXT.test(rawQuery) && authority !== '' && target === target.trim();
  // Decoded first and split afterwards, so that %2F makes one more segment.
  const path = decodePercent(rawPath);
  if (!isLegal || !path.startsWith('/')) throw internalError(nowMs);
  const [service = ''] = path.slice(1).split('/', 1);
  return { service, parts: resourceParts(path.slice(service.length + 2)), query: parseQuery(rawQuery) };
}

/** As Java splits: what is empty at the end is dropped (a trailing slash is harmless), what is empty elsewhere counts. */
function resourceParts(resource: string): string[] {
  if (!hasText(resource)) return [];
  const parts = resource.split('/');
  while (parts.at(-1) === '') parts.pop();
  return parts;
}

/** Decoded as a form: `+` is a space. */
function parseQuery(query: string): Map<string, string> {
  const parameters = new Map<string, string>();
  for (const pair of query.split(/[&;]/)) {
    const equals = pair.indexOf('=');
    if (equals < 0) continue;
    const [name, value] = [pair.slice(0, equals), pair.slice(equals + 1)].map((text) => decodePercent(text.replaceAll('+', ' ')));
    if (name !== undefined && value !== undefined) parameters.set(name, value);
  }
  return parameters;
}

/** Broken UTF-8 becomes the replacement character, as in Java; decodeURIComponent would throw. */
function decodePercent(text: string): string {
  return text.replace(/(?:%[0-9a-fA-F]{2})+/g, (run) => Buffer.from(run.replaceAll('%', ''), 'hex').toString('utf8'));
}
