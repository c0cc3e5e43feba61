import {
  type CallbackRequest,
  type Listen,
  type LocalRequest,
  type LocalResponse,
  type Lock,
  LockHeldError,
  type Serve,
} from '../gateway/host.ts';

/** A lock on folders among the gateways of one simulated machine. After a power cut make a new one: nothing holds it. */
export function simulatedLock(): Lock {
  const held = new Set<string>();
  return async (folder) => {
    if (held.has(folder)) throw new LockHeldError(`another gateway uses ${folder}`);
    held.add(folder);
    return async () => {
      held.delete(folder);
    };
  };
}

/** The ports of simulated machines, without a socket. */
export interface SimulatedPorts {
  readonly serve: Serve;
  /** Asks whoever serves the port; undefined when nobody does, as a connection would be refused. */
  request(port: number, request: CallbackRequest): Promise<number> | undefined;
}

export function simulatedPorts(): SimulatedPorts {
  const handlers = new Map<number, Parameters<Serve>[1]>();
  return {
    serve: async ({ port }, handler) => {
      handlers.set(port, handler);
      return async () => {
        handlers.delete(port);
      };
    },
    request: (port, request) => handlers.get(port)?.(request),
  };
}

/** The local API of simulated gateways, without a socket. */
export interface LocalSockets {
  readonly listen: Listen;
  /** Asks whoever listens on the path; rejects when nobody does, as a connection would be refused. */
  request(socketPath: string, request: Omit<LocalRequest, 'gone'>): Promise<LocalResponse>;
}

export function simulatedSockets(): LocalSockets {
  const handlers = new Map<string, (request: LocalRequest) => Promise<LocalResponse>>();
  return {
    listen: async (socketPath, handler) => {
      handlers.set(socketPath, handler);
      return async () => {
        handlers.delete(socketPath);
      };
    },
    request: async (socketPath, request) => {
      const handler = handlers.get(socketPath);
      if (handler === undefined) throw new Error(`nobody listens on ${socketPath}`);
      // Who asks here waits.
      return await handler({ ...request, gone: new AbortController().signal });
    },
  };
}
