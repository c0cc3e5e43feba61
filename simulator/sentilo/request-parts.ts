import { methodNotAllowed, Refusal, unreadable } from './answer.ts';
import { hasText, parseJavaInteger, parseTimestamp } from './java-text.ts';
import type { ParsedRequest } from './request.ts';

/** The provider, or the alert, and what follows it: one part at least, `max` at most. */
export function pathParts(request: ParsedRequest, max: number): [first: string, sensor?: string, value?: string] {
  checkPartCount(request, 1, max);
  return request.parts as unknown as [string, string?, string?];
}

/** Throws 400 unless the path has so many parts behind the service. */
export function checkPartCount({ parts, target }: ParsedRequest, min: number, max: number): void {
  if (parts.length < min || parts.length > max) throw new Refusal(400, `Invalid path was requested:${target}`);
}

/**
 * What a request asks for: a POST with `method=put` is a PUT (sentilo.md §1.5.1). Throws 405 for one that the service does not have:
 * any other POST, and where `allowed` lacks it a DELETE.
 */
export function verbOf<Verb extends 'GET' | 'PUT' | 'DELETE'>({ method, query }: ParsedRequest, allowed: readonly Verb[]): Verb {
  const verb = method === 'POST' && query.get('method') === 'put' ? 'PUT' : method;
  const found = allowed.find((each) => each === verb);
  if (found === undefined) throw methodNotAllowed(method);
  return found;
}

/** The body's text. Throws 400 for one that did not arrive whole. */
export function bodyOf(request: ParsedRequest, nowMs: number): string {
  if (request.bodyFailure !== undefined) throw unreadable(nowMs, request.bodyFailure);
  return request.bodyText();
}

/** What a read is asked for: times in milliseconds since 1970, both included, and the number of entries as it was asked for. */
export interface Span {
  readonly fromMs: number;
  readonly toMs: number;
  readonly limit: number;
}

/** Without `from` everything up to `to`, without `to` up to now; one entry where no limit is given. Throws 400. */
export function spanOf(request: ParsedRequest, nowMs: number): Span {
  const fromMs = dateParameter(request, 'from', nowMs) ?? 0;
  const toMs = dateParameter(request, 'to', nowMs) ?? nowMs;
  const text = request.query.get('limit');
  const limit = hasText(text) ? parseJavaInteger(text) : 1;
  if (limit === undefined) throw unreadable(nowMs, `Wrong integer value: ${text}`);
  return { fromMs, toMs, limit };
}

function dateParameter(request: ParsedRequest, name: 'from' | 'to', nowMs: number): number | undefined {
  const text = request.query.get(name);
  if (!hasText(text)) return undefined;
  const ms = parseTimestamp(text);
  if (ms === undefined) throw unreadable(nowMs, `Wrong date value: ${text}`);
  return ms;
}
