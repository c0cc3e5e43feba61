import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What has come and gone, both ways, without what TCP adds. */
export interface WireBytes {
  bytes: number;
  requestCount: number;
}

export interface WireSink {
  readonly port: number;
  readonly seen: WireBytes;
  close(): void;
}

/** A server that takes whatever comes and answers as Sentilo does when it has stored it, with its headers (sentilo.md §1.1, §1.2). */
export async function openWireSink(): Promise<WireSink> {
  const seen: WireBytes = { bytes: 0, requestCount: 0 };
  const server = createServer((request, response) => {
    request.resume().on('end', () => {
      seen.requestCount += 1;
      const type = request.headers['content-type'] ?? 'application/json; charset=UTF-8';
      response.writeHead(200, { 'Content-Type': type, 'X-Sentilo-Version': '2.0.0', 'Content-Length': 0 }).end();
    });
  });
  server.on('connection', (socket) => {
    socket.on('close', () => {
      seen.bytes += socket.bytesRead + socket.bytesWritten;
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { port: (server.address() as AddressInfo).port, seen, close: () => server.close() };
}
