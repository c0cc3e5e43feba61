// `npm run test:kernel`: our I2C and GPIO buses on a real Linux kernel, in QEMU: Debian's kernel with i2c-stub and gpio-sim,
// the tools of libgpiod 1 (Debian 12) and 2 (Debian 13). The guest has this machine's files, so its Node and node_modules.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { Missing, openWorkspace, pathOf, requirePrograms, WITH_US } from '../powercut/workspace.ts';
import { type KernelImage, prepareKernel, prepareTrixie } from './prepare.ts';

const PROJECT = join(import.meta.dirname, '../..');
/** The guest's share of the three minutes that all may take. */
const PATIENCE_MS = 150_000;

const NEEDED = { gpiomon: 'gpiod', i2cget: 'i2c-tools', mmdebstrap: 'mmdebstrap' } as const;

async function requireMore(): Promise<void> {
  await requirePrograms();
  const packages: string[] = [];
  for (const [program, name] of Object.entries(NEEDED)) if ((await pathOf(program)) === undefined) packages.push(name);
  if (packages.length > 0) throw new Missing(`packages are missing: apt-get install ${packages.join(' ')}`);
}

/** Boots the guest, shows what it says, and tells whether all of its checks were right. */
async function boot(kernel: KernelImage, trixie: string): Promise<boolean> {
  const environment = [`NODE=${process.execPath}`, `PROJECT=${PROJECT}`, `TRIXIE=${trixie}`];
  const command = [
    'qemu-system-x86_64',
    ...['-accel', 'tcg,thread=multi', '-smp', '2', '-cpu', 'max', '-m', '1024'],
    ...['-nodefaults', '-nographic', '-no-reboot', '-serial', 'stdio'],
    ...['-kernel', kernel.image, '-initrd', kernel.initramfs],
    ...['-append', ['console=ttyS0 quiet panic=-1 mitigations=off', ...environment].join(' ')],
    ...['-fsdev', 'local,id=root,path=/,security_model=none,readonly=on,multidevs=remap'],
    ...['-device', 'virtio-9p-pci,fsdev=root,mount_tag=root'],
  ];
  const qemu = spawn(WITH_US[0], [...WITH_US.slice(1), ...command], { stdio: ['ignore', 'pipe', 'inherit'] });
  let isRight = false;
  createInterface({ input: qemu.stdout }).on('line', (line) => {
    process.stdout.write(`${line.trimEnd()}\n`);
    if (/^kernel checks: [1-9]\d* ok, 0 not ok$/.test(line.trim())) isRight = true;
  });
  const impatience = setTimeout(() => qemu.kill('SIGKILL'), PATIENCE_MS);
  await once(qemu, 'close');
  clearTimeout(impatience);
  return isRight;
}

async function main(): Promise<boolean> {
  await requireMore();
  const workspace = openWorkspace();
  try {
    const [kernel, trixie] = await Promise.all([prepareKernel(workspace.folder), prepareTrixie(workspace.folder)]);
    return await boot(kernel, trixie);
  } finally {
    await workspace.close();
  }
}

try {
  process.exitCode = (await main()) ? 0 : 1;
} catch (error) {
  if (!(error instanceof Missing)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 2;
}
