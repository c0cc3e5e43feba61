import * as http from 'node:http';
import type * as net from 'node:net';
import type { Http, HttpRequest, HttpResponse } from './host.ts';
import { HttpError } from './host.ts';
import { type NetworkProxy, proxyFor } from './proxy.ts';

/** One request of this machine, through the proxy that its environment names, if any. */
export const realHttp: Http = async (request, signal) => {
  const startedMs = performance.now();
  const url = new URL(request.url);
  const proxy = usableProxy(url);
  // One connection per request, none kept: the city closes after each answer whatever it says (Sentilo reference §1.1).
  const options = { agent: false, ...(request.ca === undefined ? {} : { ca: request.ca }) };
  // TLS is several megabytes: only for a city that is reached by it.
  const client = url.protocol === 'https:' ? await import('node:https') : http;
  if (proxy === undefined) return await exchange(client, url, options, request, signal);
  const { authorization, ...place } = proxy;
  const headers = authorization === undefined ? {} : { 'proxy-authorization': authorization };
  if (client === http) {
    const forwarded = { ...request, headers: { ...request.headers, ...headers, host: url.host } };
    return await exchange(
      http,
      new URL(`http://${place.hostname}:${place.port}`),
      { ...options, path: url.href },
      forwarded,
      signal,
    );
  }
  const socket = await tunnelOf(place, url, headers, request.timeoutMs, signal);
  const leftMs = request.timeoutMs - (performance.now() - startedMs);
  return await exchange(client, url, { ...options, socket } as http.RequestOptions, { ...request, timeoutMs: leftMs }, signal);
};

function usableProxy(url: URL): NetworkProxy | undefined {
  try {
    return proxyFor(url, process.env);
  } catch (cause) {
    throw new HttpError('BAD_PROXY', false, (cause as Error).message, { cause });
  }
}

/** A connection through a proxy up to the city; TLS goes through it as it is. Nothing of the request has left before that. */
function tunnelOf(
  { hostname, port }: NetworkProxy,
  url: URL,
  headers: http.OutgoingHttpHeaders,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<net.Socket> {
  const path = `${url.hostname}:${url.port || '443'}`;
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason);
    const asking = http.request({
      hostname,
      port,
      method: 'CONNECT',
      path,
      headers: { ...headers, host: path },
      agent: false,
    });
    const end = (reason: unknown) => {
      done();
      asking.destroy();
      reject(reason);
    };
    const fail = (code: string, what: string) => end(new HttpError(code, false, `the proxy ${hostname}:${port} ${what}`));
    // Not `AbortSignal.any`: what that makes stays with `signal`, which lives as long as the process.
    const onAbort = () => end(signal.reason);
    const timer = setTimeout(() => fail('TIMEOUT', `has not answered within ${timeoutMs} ms`), timeoutMs);
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
    };
    signal.addEventListener('abort', onAbort, { once: true });
    asking.on('connect', ({ statusCode }, socket) => {
      done();
      if (statusCode === 200) return resolve(socket as net.Socket);
      socket.destroy();
      fail('PROXY_REFUSED', `does not let us through (${statusCode})`);
    });
    asking.on('response', ({ statusCode }) => fail('PROXY_REFUSED', `does not let us through (${statusCode})`));
    asking.on('error', ({ code = 'UNKNOWN' }: NodeJS.ErrnoException) => fail(code, `cannot be reached (${code})`));
    asking.end();
  });
}

function exchange(
  client: Pick<typeof http, 'request'>,
  url: URL,
  options: http.RequestOptions,
  request: HttpRequest,
  signal: AbortSignal,
): Promise<HttpResponse> {
  return new Promise<HttpResponse>((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason);
    let connected = false;
    let isAnswering = false;
    const outgoing = client.request(url, {
      ...options,
      method: request.method,
      headers: { ...request.headers, connection: 'close', 'content-length': String(request.body?.length ?? 0) },
    });
    const fail = (code: string, message: string, cause?: unknown) => {
      done();
      outgoing.destroy();
      reject(new HttpError(code, connected, message, { cause }));
    };
    const late = () =>
      isAnswering
        ? fail('TOO_SLOW', `the answer was not whole within ${request.timeoutMs} ms`)
        : fail('TIMEOUT', `no answer within ${request.timeoutMs} ms`);
    const timer = setTimeout(late, request.timeoutMs);
    const settle = (response: HttpResponse) => {
      done();
      resolve(response);
    };
    const onAbort = () => {
      done();
      outgoing.destroy();
      reject(signal.reason);
    };
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
    };
    signal.addEventListener('abort', onAbort, { once: true });
    outgoing.on('socket', (socket) => {
      socket.once(client === http ? 'connect' : 'secureConnect', () => {
        connected = true;
      });
    });
    outgoing.on('error', (cause: NodeJS.ErrnoException) => {
      const parseFailure = cause.code?.startsWith('HPE_');
      fail(parseFailure ? 'BAD_ANSWER' : (cause.code ?? 'UNKNOWN'), cause.message, cause);
    });
    outgoing.on('response', (answer) => {
      isAnswering = true;
      readAnswer(answer, request, fail, settle);
    });
    outgoing.end(request.body);
  });
}

function readAnswer(
  answer: http.IncomingMessage,
  request: HttpRequest,
  fail: (code: string, message: string, cause?: unknown) => void,
  resolve: (response: HttpResponse) => void,
): void {
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  const tooLong = () => fail('TOO_LONG', `the answer is longer than ${request.responseBytesMax} bytes`);
  answer.on('data', (chunk: Buffer) => {
    chunks.push(chunk);
    sizeBytes += chunk.length;
    if (sizeBytes > request.responseBytesMax) tooLong();
  });
  if (Number(answer.headers['content-length'] ?? 0) > request.responseBytesMax) tooLong();
  answer.on('error', (cause: NodeJS.ErrnoException) => fail(cause.code ?? 'UNKNOWN', cause.message, cause));
  answer.on('end', () => {
    if (!answer.complete) return fail('ECONNRESET', 'the answer was cut off');
    const headers = Object.fromEntries(Object.entries(answer.headers).map(([name, value]) => [name, String(value)]));
    resolve({ status: answer.statusCode ?? 0, headers, body: Buffer.concat(chunks) });
  });
}
