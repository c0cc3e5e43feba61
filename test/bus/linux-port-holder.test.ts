import { mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { findHolder, holderOfLocked } from '../../drivers/bus/linux-port-holder.ts';

/** What serves as the serial port, under whatever name: it is a terminal for nobody, and its device number is known. */
const DEVICE = '/dev/null';
const NUMBER = statSync(DEVICE).rdev;

let root: string;
let port: string;
/** A pseudo terminal. */
let terminal: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'barri-proc-'));
  port = link('dev/ttyAMA0', DEVICE);
  terminal = join(root, 'dev/pts/7');
  mkdirSync(dirname(terminal));
  writeFileSync(terminal, '');
  link('dev/serial0', 'ttyAMA0');
  commandLine('console=tty1 root=PARTUUID=00000000-02');
  process(1, 'systemd', { open: ['/dev/kmsg'] });
});
afterEach(() => rmSync(root, { recursive: true }));

function link(path: string, target: string): string {
  const whole = join(root, path);
  mkdirSync(dirname(whole), { recursive: true });
  symlinkSync(target, whole);
  return whole;
}

function commandLine(text: string): void {
  mkdirSync(join(root, 'proc'), { recursive: true });
  writeFileSync(join(root, 'proc/cmdline'), `${text}\n`);
}

/** A process as proc(5) describes it. Without `open` it is another user's, whose descriptors are closed to us. */
function process(id: number, name: string, { terminal = 0, open }: { terminal?: number; open?: readonly string[] } = {}): void {
  mkdirSync(join(root, `proc/${id}`), { recursive: true });
  writeFileSync(join(root, `proc/${id}/stat`), `${id} (${name}) S 1 ${id} ${id} ${terminal} ${id} 4194560 106 0 0`);
  for (const [descriptor, target] of (open ?? []).entries()) link(`proc/${id}/fd/${descriptor}`, target);
}

describe('who uses a port', () => {
  it('is nobody', async () => {
    process(300, 'bash', { terminal: 34816, open: ['/dev/pts/0'] });
    expect(await findHolder(port, false, root)).toBeUndefined();
    expect(await findHolder(join(root, 'dev/ttyNOPE'), false, root)).toBeUndefined();
    expect(await findHolder(port, false, join(root, 'nothing'))).toBeUndefined();
  });

  it('is a program that has it open, by its name and number', async () => {
    process(812, 'minicom', { open: ['/dev/pts/0', DEVICE] });
    expect(await findHolder(port, false, root)).toBe('minicom (process 812); end it, or give the bus another port');
  });

  it('is a program of another user that has it as its terminal, whatever its name', async () => {
    process(900, 'my (odd) shell', { terminal: NUMBER });
    expect(await findHolder(port, false, root)).toContain('my (odd) shell (process 900)');
  });

  // Case se-08.
  it.each([
    ['console=serial0,115200 console=tty1 root=PARTUUID=00000000-02', 'console=serial0,115200'],
    ['console=tty1 console=ttyAMA0,115200n8', 'console=ttyAMA0,115200n8'],
  ])('is the login console: with %s', async (line, word) => {
    commandLine(line);
    process(412, 'agetty', { terminal: NUMBER });
    const who = await findHolder(port, false, root);
    expect(who).toContain('the login console (agetty); `sudo systemctl mask --now serial-getty@null.service` frees it');
    expect(who).toContain(`without ${word} in /boot/firmware/cmdline.txt`);
    // systemd starts it anew every few seconds.
    process(413, 'agetty', { terminal: NUMBER });
    rmSync(join(root, 'proc/412'), { recursive: true });
    expect(await findHolder(port, false, root)).toBe(who);
  });

  it('is the console of the kernel, also with nobody to log in', async () => {
    commandLine('console=serial0,115200 console=tty1');
    expect(await findHolder(port, false, root)).toMatch(/console of the kernel; take console=serial0,115200 out of/);
    link('dev/ttyUSB0', '/dev/zero');
    expect(await findHolder(join(root, 'dev/ttyUSB0'), false, root)).toBeUndefined();
  });

  it('is ModemManager, with what frees the port', async () => {
    process(345, 'ModemManager', { open: [DEVICE] });
    expect(await findHolder(port, false, root)).toBe(
      'ModemManager (process 345), which tries every new adapter; `sudo systemctl disable --now ModemManager` frees it',
    );
  });

  it('is this program itself', async () => {
    process(globalThis.process.pid, 'node', { open: [DEVICE] });
    expect(await findHolder(port, false, root)).toBe('this program itself; two buses of the site name the same port');
  });

  it('is not who has made a pseudo terminal, nor a program that it has started', async () => {
    process(500, 'socat', { open: ['/dev/ptmx', terminal] });
    process(501, 'sh', { open: [terminal] });
    expect(await findHolder(link('dev/ttyV0', terminal), false, root)).toBeUndefined();
  });
});

describe('a port that could not be opened because it is locked', () => {
  it('is held by a program that has it open, and not by who has made it', async () => {
    process(500, 'socat', { open: [terminal, '/dev/ptmx'] });
    process(600, 'node', { open: [terminal] });
    expect(await holderOfLocked(link('dev/ttyV0', terminal), root)).toContain('node (process 600)');
  });

  it('is looked into as root where this user may not', async () => {
    process(345, 'cat');
    expect(await holderOfLocked(port, root)).toBe(`a program of another user; \`sudo fuser -v ${port}\` names it`);
  });

  it('is probably held by ModemManager where that runs', async () => {
    process(345, 'ModemManager');
    const who = await holderOfLocked(port, root);
    expect(who).toContain('probably ModemManager (process 345)');
    expect(who).toContain('sudo systemctl disable --now ModemManager');
    expect(who).toContain(`sudo fuser -v ${port}`);
  });
});
