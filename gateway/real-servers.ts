import { promises as fs } from 'node:fs';
import * as http from 'node:http';
import { DiskError, HttpError, type Listen, type LocalResponse, type Serve } from './host.ts';
import { diskCall } from './real-disk.ts';

/** An order is a hundred bytes long. */
const LOCAL_BODY_BYTES_MAX = 4096;
/** sun_path of Linux, without its last zero byte. */
const SOCKET_PATH_BYTES_MAX = 107;
/**
 * Whoever connects to the port for callbacks has so long for its request, which is looked at each second, and shares with so few
 * others: it is one city, and a scanner or two that must not keep it out.
 */
const PATIENCE = { headersTimeout: 2_000, requestTimeout: 5_000, connectionsCheckingInterval: 1_000 };
const HEAD_BYTES_MAX = 8_192;
const CONNECTIONS_MAX = 64;

/** The socket of the local API. */
export const realListen: Listen = async (path, handler) => {
  // A longer name would be cut, and the socket made somewhere else.
  if (Buffer.byteLength(path) > SOCKET_PATH_BYTES_MAX) {
    throw new DiskError('ENAMETOOLONG', `the path ${path} is too long for a socket: at most ${SOCKET_PATH_BYTES_MAX} bytes`);
  }
  const server = http.createServer((request, response) => {
    const answer = ({ status, json }: LocalResponse) =>
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(json));
    const gone = new AbortController();
    response.on('close', () => gone.abort(new Error('whoever asked has gone')));
    readBody(request, LOCAL_BODY_BYTES_MAX)
      .then((body) => {
        if (body === undefined) return { status: 413, json: { error: `a request has at most ${LOCAL_BODY_BYTES_MAX} bytes` } };
        const { method = 'GET', url: path = '/' } = request;
        return handler({ method, path, body: body.toString('utf8'), gone: gone.signal });
      })
      .then(answer, (error: unknown) => answer({ status: 500, json: { error: String(error) } }));
  });
  await diskCall('replace', path, fs.rm(path, { force: true }));
  const listening = new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    // The mode must be right from the first moment, not only after a chmod.
    const umask = process.umask(0o177);
    server.listen(path, resolve);
    process.umask(umask);
  });
  await diskCall('listen on', path, listening);
  return () => closed(server);
};

/** The port for callbacks. */
export const realServe: Serve = async ({ port, listen, bodyBytesMax }, handler) => {
  const server = http.createServer({ ...PATIENCE, maxHeaderSize: HEAD_BYTES_MAX }, (request, response) => {
    const { method = '', url: path = '' } = request;
    const headers = Object.fromEntries(Object.entries(request.headers).map(([name, value]) => [name, String(value)]));
    const answer = (status: number) => response.writeHead(status, { connection: 'close', 'content-length': 0 }).end();
    readBody(request, bodyBytesMax)
      .then((body) => (body === undefined ? 413 : handler({ method, path, headers, body })))
      .then(answer, () => answer(500));
  });
  server.maxConnections = CONNECTIONS_MAX;
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) =>
      reject(new HttpError(cause.code ?? 'UNKNOWN', false, cause.message, { cause })),
    );
    server.listen(port, listen === 'localhost' ? 'localhost' : undefined, resolve);
  });
  return () => closed(server);
};

async function closed(server: http.Server): Promise<void> {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
}

/** The whole body, or undefined when it is too long. Rejects when it does not come whole. */
function readBody(stream: http.IncomingMessage, bytesMax: number): Promise<Buffer | undefined> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    stream.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size <= bytesMax) chunks.push(chunk);
    });
    stream.on('end', () => resolve(size <= bytesMax ? Buffer.concat(chunks) : undefined));
    stream.on('error', reject);
    stream.on('close', () => reject(new Error('the request was cut off')));
  });
}
