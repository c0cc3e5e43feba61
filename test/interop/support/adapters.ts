import { existsSync, mkdirSync, readFileSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type Child, eventually, start } from './child.ts';

/** A USB serial adapter; `name` also stands for the device behind it. */
export interface Adapter {
  readonly name: string;
  readonly vendor: string;
  readonly product: string;
  readonly serial?: string;
}

/**
 * The part of a machine in which ports are looked for, in a folder: /sys/class/tty with the tree of USB devices, and /dev with
 * real terminals. What is sent to a device stands in a file, however often it is plugged in.
 */
export class Machine {
  readonly root: string;
  readonly #plugged = new Map<string, { readonly tty: string; readonly socat: Child }>();

  constructor(root: string) {
    this.root = root;
    for (const folder of ['dev/serial/by-path', 'sys/class/tty', 'received']) mkdirSync(join(root, folder), { recursive: true });
  }

  /** Everything that was sent to a device so far. */
  received({ name }: Adapter): string {
    const file = join(this.root, 'received', name);
    return existsSync(file) ? readFileSync(file, 'latin1') : '';
  }

  /** As the kernel and udev do it: the adapter gets this tty, and is in this socket. */
  async plugIn(adapter: Adapter, tty: string, socket: string): Promise<void> {
    const terminal = join(this.root, `terminal-${adapter.name}`);
    rmSync(terminal, { force: true });
    const file = join(this.root, 'received', adapter.name);
    const socat = start('socat', ['-u', `pty,raw,echo=0,link=${terminal}`, `OPEN:${file},creat,append`]);
    await eventually(() => (existsSync(terminal) ? true : undefined), 5_000);
    this.#plugged.set(adapter.name, { tty, socat });
    this.link(`dev/${tty}`, realpathSync(terminal));
    this.link(`dev/serial/by-path/usb-0:${socket.replace('1-', '')}:1.0-port0`, `../../${tty}`);
    const device = `sys/devices/usb1/${socket}`;
    for (const [attribute, text] of [
      ['idVendor', adapter.vendor],
      ['idProduct', adapter.product],
      ['serial', adapter.serial],
    ] as const) {
      if (text !== undefined) this.#file(`${device}/${attribute}`, `${text}\n`);
    }
    this.#file(`${device}/${socket}:1.0/${tty}/uevent`, '');
    this.link(`sys/class/tty/${tty}/device`, `../../../devices/usb1/${socket}/${socket}:1.0/${tty}`);
  }

  /** The kernel hangs the terminal up; then its names go. */
  async pullOut({ name }: Adapter): Promise<void> {
    const plugged = this.#plugged.get(name);
    if (plugged === undefined) return;
    this.#plugged.delete(name);
    plugged.socat.kill('SIGKILL');
    await plugged.socat.ended;
    const link = join(this.root, 'sys/class/tty', plugged.tty);
    const device = realpathSync(join(link, 'device'));
    rmSync(link, { recursive: true });
    rmSync(dirname(dirname(device)), { recursive: true });
    rmSync(join(this.root, 'dev', plugged.tty));
  }

  #file(path: string, text: string): void {
    mkdirSync(dirname(join(this.root, path)), { recursive: true });
    writeFileSync(join(this.root, path), text);
  }

  /** Makes a link, or leads the one that is there elsewhere. */
  link(path: string, target: string): void {
    mkdirSync(dirname(join(this.root, path)), { recursive: true });
    rmSync(join(this.root, path), { force: true });
    symlinkSync(target, join(this.root, path));
  }
}
