import { read } from 'node:fs';
import { promisify } from 'node:util';

const readFrom = promisify(read);

/** What is used of the open port inside serialport. */
export interface NativePort {
  /** Null once it is closed. */
  readonly fd: number | null;
  readonly poller: { once(event: 'readable', listener: (error: Error | null) => void): unknown };
  read(buffer: Buffer, offset: number, length: number): Promise<{ readonly buffer: Buffer; readonly bytesRead: number }>;
}

/**
 * Reads from a port until it is hung up. serialport's own way tries again, for ever and with a whole core, when a read gives
 * nothing; but with its setting (VMIN 1) nothing is what the kernel gives only once the terminal was hung up. An adapter
 * that was unplugged while it sent was then never missed (serialport/bindings-cpp issue 162).
 */
export function readUntilHungUp(port: NativePort): NativePort['read'] {
  return async (buffer, offset, length) => {
    for (;;) {
      const bytesRead = await readFrom(openFile(port), buffer, offset, length, null).then(
        (result) => result.bytesRead,
        (error: NodeJS.ErrnoException) => {
          if (error.code === 'EAGAIN' || error.code === 'EINTR') return undefined;
          throw error;
        },
      );
      if (bytesRead === 0) throw new Error('the port was hung up');
      if (bytesRead !== undefined) return { buffer, bytesRead };
      // It may have been closed meanwhile, and its poller with it: to touch that would end the program.
      openFile(port);
      await isReadable(port);
    }
  };
}

/** @throws an error that serialport takes no notice of, when the port is closed */
function openFile({ fd }: NativePort): number {
  if (fd === null) throw Object.assign(new Error('the port is closed'), { canceled: true });
  return fd;
}

function isReadable({ poller }: NativePort): Promise<void> {
  return new Promise((resolve, reject) => {
    poller.once('readable', (error) => (error === null ? resolve() : reject(error)));
  });
}
