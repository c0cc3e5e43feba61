import { createConnection, type Socket } from 'node:net';
import { BusError, type BusErrorKind } from '../errors.ts';
import type { OpenByteStream, TcpOptions } from './byte-stream.ts';
import { Listeners } from './listeners.ts';

/**
 * Connects to a device or a gateway over TCP. What ends the connection ends the stream; it is never opened again.
 * @throws BusError: `no-answer` when nobody listens or the host is unknown, `timeout`, `no-permission`; or the reason of
 *   `signal`, which is the only bound of the attempt
 */
export function openTcp({ host, port }: TcpOptions, signal: AbortSignal): Promise<OpenByteStream> {
  const name = `${host}:${port}`;
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason);
    // Without a delay, because a request is one small packet and its answer is waited for.
    const socket = createConnection({ host, port, noDelay: true });
    const onAbort = () => {
      socket.destroy();
      reject(signal.reason);
    };
    const onError = (cause: NodeJS.ErrnoException) => {
      signal.removeEventListener('abort', onAbort);
      reject(connectError(name, cause));
    };
    signal.addEventListener('abort', onAbort, { once: true });
    socket.once('error', onError);
    socket.once('connect', () => {
      signal.removeEventListener('abort', onAbort);
      socket.removeListener('error', onError);
      resolve(streamOver(socket, name));
    });
  });
}

function streamOver(socket: Socket, name: string): OpenByteStream {
  const bytesListeners = new Listeners<Uint8Array>();
  const closeListeners = new Listeners<Error | undefined>();
  /** Ends those that the system has not taken yet. */
  const writes = new Set<(error: Error | null | undefined) => void>();
  let isOpen = true;
  let cause: Error | undefined;
  const isClosed = new Promise<void>((resolve) => socket.once('close', () => resolve()));

  const end = () => {
    if (!isOpen) return;
    isOpen = false;
    for (const settle of writes) settle(cause);
    closeListeners.call(() => cause);
  };
  socket.on('data', (chunk) => bytesListeners.call(() => Uint8Array.from(chunk)));
  socket.on('error', (error) => {
    cause = error;
  });
  // A peer that only closes its side will not answer any more.
  socket.once('end', () => socket.destroy());
  socket.once('close', end);

  return {
    get isOpen() {
      return isOpen;
    },
    write(bytes) {
      if (!isOpen || !socket.writable) return Promise.reject(new BusError('closed', `${name} is not connected`));
      // What a peer does not take now it would get when it works again: an order from long ago among it.
      if (socket.writableNeedDrain) return Promise.reject(new BusError('hung', `${name} does not take what was sent before`));
      return new Promise((resolve, reject) => {
        const settle = (error: Error | null | undefined) => {
          if (!isOpen || error) reject(new BusError('closed', `${name}: the connection was lost`, { cause: error ?? cause }));
          else resolve();
          writes.delete(settle);
        };
        writes.add(settle);
        socket.write(bytes, settle);
      });
    },
    onBytes: (listener) => bytesListeners.add(listener),
    onClose: (listener) => closeListeners.add(listener),
    async close() {
      end();
      // A reset takes back what is still on its way: the peer must not act on it when it works again.
      socket.resetAndDestroy();
      await isClosed;
    },
  };
}

/** What each failure to connect means for the person who has to look after it. */
const CONNECT_ERRORS: Readonly<Record<string, readonly [BusErrorKind, string]>> = {
  ECONNREFUSED: [
    'unreachable',
    'the host answers, but nothing listens on this port: is Modbus TCP switched on, is the port right?',
  ],
  EHOSTUNREACH: ['unreachable', 'no machine has this address: is it switched on and in this network?'],
  ENETUNREACH: ['unreachable', 'there is no way into this network: look at the cable and the route'],
  ENOTFOUND: ['unreachable', 'nobody knows this name: write the address, or look at the spelling'],
  EAI_AGAIN: ['unreachable', 'the name could not be looked up: is there a network, does the name server answer?'],
  ETIMEDOUT: ['unreachable', 'nobody answers at this address: is it switched on, does a firewall swallow the connection?'],
  ECONNRESET: ['unreachable', 'the other side closed at once: perhaps it serves only one connection, and another program has it'],
  EACCES: ['no-permission', 'the operating system forbids this connection'],
  EPERM: ['no-permission', 'the operating system or a firewall forbids this connection'],
};

function connectError(name: string, cause: NodeJS.ErrnoException): BusError {
  const [kind, why] = CONNECT_ERRORS[cause.code ?? ''] ?? ['unreachable', cause.message];
  return new BusError(kind, `cannot connect to ${name}: ${why}`, { cause });
}
