import { createServer, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** A frame that the slave was asked: its function, and for a coil that is written whether on. */
export interface SlaveFrame {
  readonly atMs: number;
  readonly unit: number;
  readonly code: number;
  readonly on?: boolean;
}

/** Transaction, protocol, length (Modbus messaging on TCP/IP V1.0b §3.1.3). */
const HEADER_BYTES = 6;
/** Where Waveshare's relay boards take the time after which a relay goes off by itself, and its step (www.waveshare.com/wiki/Modbus_RTU_Relay). */
const TIMES_AT = 0x0200;
const STEP_MS = 100;

/**
 * A Modbus TCP slave in this process, which goes on living when whoever asked it is killed: eight coils that can be switched on for a
 * time, and input registers that are all zero. Every unit is the same one.
 */
export async function startCoilSlave() {
  const coils = new Array<boolean>(8).fill(false);
  const frames: SlaveFrame[] = [];
  const looks = new Set<() => void>();
  const held: (() => void)[] = [];
  /** How often each coil was switched. */
  const switchCounts = new Array<number>(coils.length).fill(0);
  const switchCoil = (at: number, value: number) => {
    const coil = at >= TIMES_AT ? at - TIMES_AT : at;
    const mine = (switchCounts[coil] ?? 0) + 1;
    switchCounts[coil] = mine;
    coils[coil] = at >= TIMES_AT || value === 0xff00;
    if (at < TIMES_AT) return;
    const end = () => {
      if (switchCounts[coil] !== mine) return;
      coils[coil] = false;
      for (const look of looks) look();
    };
    sleep(STEP_MS * value, undefined, { ref: false }).then(end, end);
  };
  let isSilent = false;
  let isDeaf = false;
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    let received = Buffer.alloc(0);
    socket.on('error', () => {});
    socket.on('close', () => {
      sockets.delete(socket);
      for (const look of looks) look();
    });
    socket.on('data', (bytes) => {
      if (isDeaf) return;
      received = Buffer.concat([received, bytes]);
      while (received.length >= HEADER_BYTES && received.length >= HEADER_BYTES + received.readUInt16BE(4)) {
        const end = HEADER_BYTES + received.readUInt16BE(4);
        const answer = answerTo(received.subarray(HEADER_BYTES, end), { coils, frames, switchCoil });
        const header = Buffer.from(received.subarray(0, HEADER_BYTES));
        header.writeUInt16BE(answer.length, 4);
        const send = () => socket.write(Buffer.concat([header, answer]));
        if (isSilent) held.push(send);
        else send();
        for (const look of looks) look();
        received = received.subarray(end);
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    coils,
    frames,
    /** Whether nobody is connected: a gateway that stops lets go when all else is done. */
    get isAlone() {
      return sockets.size === 0;
    },
    /** Resolves as soon as `isSo` holds, after a frame, the end of a connection or of a coil's time, or now. */
    until: (isSo: () => boolean) =>
      new Promise<void>((resolve) => {
        const look = () => {
          if (!isSo()) return;
          looks.delete(look);
          resolve();
        };
        looks.add(look);
        look();
      }),
    /** From now on nothing is answered; `silent(false)` gives late what was asked meanwhile. */
    silent: (is: boolean) => {
      isSilent = is;
      for (const send of held.splice(0)) send();
    },
    /** Whether it hears nothing of what it is asked from now on. */
    deaf: (is: boolean) => {
      isDeaf = is;
    },
    close: () => {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}

interface Slave {
  readonly coils: readonly boolean[];
  readonly frames: SlaveFrame[];
  readonly switchCoil: (at: number, value: number) => void;
}

/** Unit, function and data of the answer (Modbus V1.1b3 §6.1, §6.4, §6.5). */
function answerTo(request: Buffer, { coils, frames, switchCoil }: Slave): Buffer {
  const [unit = 0, code = 0] = request;
  const [at, value] = [request.readUInt16BE(2), request.readUInt16BE(4)];
  const frame = { atMs: performance.now(), unit, code };
  if (code === 5) {
    switchCoil(at, value);
    frames.push({ ...frame, on: value !== 0 });
    return Buffer.from(request);
  }
  frames.push(frame);
  if (code === 1) return Buffer.from([unit, code, 1, coils[at] === true ? 1 : 0]);
  return Buffer.from([unit, code, 2 * value, ...new Array<number>(2 * value).fill(0)]);
}
