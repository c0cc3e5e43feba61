import { connect, type Socket } from 'node:net';

/** Everything a test opened, to be closed after it. */
export const opened: (() => unknown)[] = [];

/** A raw connection: what came, and how it ended. */
export class Client {
  readonly socket: Socket;
  text = '';
  end: 'open' | 'ended' | 'reset' = 'open';
  constructor(port: number) {
    this.socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    opened.push(() => this.socket.destroy());
    this.socket.on('data', (bytes: Buffer) => {
      this.text += bytes.toString('latin1');
    });
    this.socket.on('end', () => {
      this.end = 'ended';
    });
    this.socket.on('error', () => {
      this.end = 'reset';
    });
  }
  get status(): number {
    return Number(/^HTTP\/1\.[01] (\d+)/.exec(this.text)?.[1] ?? 0);
  }
  get body(): string {
    return this.text.slice(this.text.indexOf('\r\n\r\n') + 4);
  }
}

/** Waits for the machine's own sockets to get there; no time of ours passes. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve));
}
