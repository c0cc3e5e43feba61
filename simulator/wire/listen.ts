import type { Server } from 'node:net';

/** Connections that the kernel keeps until they are accepted. */
const BACKLOG = 50;

/** Where a server listens. */
export interface Place {
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
}

/** Resolves to the port once the server listens; rejects with the listen error (EADDRINUSE, EACCES …). */
export function listen(server: Server, { host, port }: Place): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host, port, backlog: BACKLOG }, () => {
      server.off('error', reject);
      const address = server.address();
      resolve(typeof address === 'object' && address ? address.port : port);
    });
  });
}
