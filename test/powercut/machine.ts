import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import type { Kernel } from './kernel.ts';
import { createListener, type Heard, type Told } from './witness.ts';
import { WITH_US } from './workspace.ts';

/** From power on to what is waited for; a loaded machine takes a multiple of the usual ten seconds. */
const PATIENCE_MS = 120_000;
const CONSOLE_LINES = 30;

/** When the power is cut. */
export type Cut = { readonly afterMs: number } & (
  | {
      /** After the journal began to open, was open, or acknowledged its first record. */
      readonly when: 'opening' | 'opened' | 'running';
    }
  | {
      /**
       * After the journal began to make, rename or delete the n-th file since its first acknowledgement; `drop`: only those
       * with which records go or are thinned count.
       */
      readonly when: 'file' | 'drop';
      readonly nth: number;
    }
);

export interface Guest {
  readonly kernel: Kernel;
  readonly systemImage: string;
  readonly card: string;
  /** File for what the kernel and the gateway print. */
  readonly console: string;
  readonly site: string;
  readonly speed: number;
  readonly withoutSync: boolean;
  readonly smallFiles: boolean;
}

/** What was heard until the cut, and the file operation at which it came, if it was for one. */
export type Run = Heard & { readonly atFile: string | undefined };

/**
 * Switches a guest on and cuts its power: SIGKILL to QEMU, as unforeseen for the guest as a pulled plug. What its kernel
 * had not yet written to the card is lost; what it had given to the card is not, so a disk's own cache is not tested.
 * @throws when the guest ends by itself or the moment does not come; the message has the end of its console
 */
export async function runUntilCut(guest: Guest, cut: Cut): Promise<Run> {
  // Its input stays open: without it, nobody listens to the guest's port.
  const qemu = spawn(WITH_US[0], [...WITH_US.slice(1), ...command(guest)], { stdio: ['pipe', 'pipe', 'pipe'] });
  const listener = createListener();
  const moment = momentOf(cut);
  let isCut = false;
  let plug: NodeJS.Timeout | undefined;
  let broken: unknown;
  let said = '';
  const pull = () => {
    isCut = true;
    qemu.kill('SIGKILL');
  };
  const hear = (line: string) => {
    const told = listener.take(line);
    if (plug === undefined && moment.hasCome(told)) plug = setTimeout(pull, cut.afterMs);
  };
  qemu.stderr.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  let rest = '';
  qemu.stdout.setEncoding('utf8').on('data', (text: string) => {
    const lines = (rest + text).split('\n');
    // What the cut left of a line says nothing.
    rest = lines.pop() ?? '';
    try {
      lines.forEach(hear);
    } catch (error) {
      broken = error;
      qemu.kill('SIGKILL');
    }
  });
  const impatience = setTimeout(() => qemu.kill('SIGKILL'), PATIENCE_MS);
  await once(qemu, 'close');
  clearTimeout(impatience);
  clearTimeout(plug);
  if (isCut && broken === undefined) return { ...listener.heard(), atFile: moment.atFile() };
  const reason = broken ?? `the guest ended by itself, or "${cut.when}" did not come within ${PATIENCE_MS} ms`;
  throw new Error(`${reason}\n${said}${consoleTail(guest.console)}`);
}

/** Recognises the line from which a cut's time counts. */
function momentOf(cut: Cut): { hasCome(told: Told): boolean; atFile(): string | undefined } {
  let isRunning = false;
  let isDrop = false;
  let fileCount = 0;
  let atFile: string | undefined;
  return {
    hasCome(told) {
      if (told.kind === 'acknowledged') isRunning = true;
      if (cut.when === 'running') return isRunning;
      if (cut.when !== 'file' && cut.when !== 'drop') return told.kind === cut.when;
      // What is dropped is said in the line before the file's.
      if (told.kind === 'drops') isDrop = true;
      if (told.kind !== 'file') return false;
      if (isRunning && (cut.when === 'file' || isDrop)) fileCount += 1;
      isDrop = false;
      if (fileCount < cut.nth) return false;
      atFile = told.what;
      return true;
    },
    atFile: () => atFile,
  };
}

function command({ kernel, systemImage, card, console, site, speed, withoutSync, smallFiles }: Guest): string[] {
  const environment = [
    `NODE=${process.execPath}`,
    `SITE=${site}`,
    `SPEED=${speed}`,
    `WITHOUT_SYNC=${withoutSync ? 1 : 0}`,
    `SMALL_FILES=${smallFiles ? 1 : 0}`,
  ];
  const drive = (id: string, options: string) => [
    ...['-drive', `if=none,format=raw,id=${id},${options}`],
    ...['-device', `virtio-blk-pci,drive=${id}`],
  ];
  return [
    'qemu-system-x86_64',
    // Emulated, because a KVM is not to be had everywhere; the plain processor is the fastest to emulate.
    ...['-accel', 'tcg', '-cpu', 'qemu64', '-smp', '1', '-m', '512'],
    ...['-nodefaults', '-no-user-config', '-nographic', '-no-reboot', '-serial', `file:${console}`],
    ...['-kernel', kernel.image, '-initrd', kernel.initramfs],
    ...['-append', ['console=ttyS0 quiet panic=-1 mitigations=off no_timer_check', ...environment].join(' ')],
    ...drive('system', `file=${systemImage},readonly=on`),
    ...drive('card', `file=${card},cache=writeback`),
    ...['-device', 'virtio-serial-pci', '-chardev', 'stdio,id=witness,signal=off'],
    ...['-device', 'virtserialport,chardev=witness,name=witness'],
  ];
}

/** The end of what a guest printed. */
export function consoleTail(path: string): string {
  const text = existsSync(path) ? stripVTControlCharacters(readFileSync(path, 'utf8')) : '';
  const lines = text.trimEnd().split(/\r?\n/);
  return [`--- the end of ${basename(path)}`, ...lines.slice(-CONSOLE_LINES), '---'].join('\n');
}
