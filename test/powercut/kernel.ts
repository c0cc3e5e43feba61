import { chmodSync, copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { Missing, pathOf, run } from './workspace.ts';

/** The small kernel for virtual machines; ext4 is built into it. It depends on the package of the newest version. */
const PACKAGE = 'linux-image-cloud-amd64';
/** In the order in which they need each other. */
const MODULES = [
  'virtio/virtio_ring',
  'virtio/virtio',
  'virtio/virtio_pci_legacy_dev',
  'virtio/virtio_pci_modern_dev',
  'virtio/virtio_pci',
  'block/virtio_blk',
  'char/virtio_console',
];
const INIT = join(import.meta.dirname, 'guest/init');

/** What QEMU boots. */
export interface Kernel {
  readonly version: string;
  readonly image: string;
  readonly initramfs: string;
}

/**
 * Debian's kernel, downloaded and unpacked into `folder`, nothing of it installed; and an initramfs of busybox, the modules
 * for virtio and guest/init.
 */
export async function prepareKernel(folder: string): Promise<Kernel> {
  const unpacked = join(folder, 'kernel');
  mkdirSync(unpacked);
  await downloadKernel(unpacked);
  const boot = join(unpacked, 'boot');
  const image = readdirSync(boot).find((name) => name.startsWith('vmlinuz-'));
  if (image === undefined) throw new Error(`${PACKAGE}: no vmlinuz in it`);
  const version = image.slice('vmlinuz-'.length);
  const modules = MODULES.map((name) => join(unpacked, 'lib/modules', version, `kernel/drivers/${name}.ko`));
  const initramfs = join(folder, 'initramfs.gz');
  writeFileSync(initramfs, gzipSync(await archive(join(folder, 'initramfs'), modules), { level: 1 }));
  return { version, image: join(boot, image), initramfs };
}

async function downloadKernel(folder: string): Promise<void> {
  const known = await run('apt-cache', ['depends', PACKAGE]).catch((cause: unknown) => {
    throw new Missing(`apt knows no package ${PACKAGE}: run apt-get update on a Debian of amd64`, { cause });
  });
  const newest = /Depends: (linux-image-\S+)/.exec(known)?.[1];
  if (newest === undefined) throw new Missing(`apt knows no package ${PACKAGE}: run apt-get update on a Debian of amd64`);
  const download = () => run('apt-get', ['download', '-qq', newest], folder);
  // One retry, because mirrors fail for a moment now and then.
  await download()
    .catch(download)
    .catch((cause: unknown) => {
      throw new Missing(`apt-get download ${newest} failed: run apt-get update; the old versions are not kept`, { cause });
    });
  const file = readdirSync(folder).find((name) => name.endsWith('.deb'));
  if (file === undefined) throw new Error(`apt-get download ${newest} left no file`);
  await run('dpkg', ['-x', join(folder, file), folder]);
}

/** A cpio archive with what the guest starts from. */
async function archive(folder: string, modules: readonly string[]): Promise<Buffer> {
  for (const name of ['bin', 'dev', 'proc', 'modules', 'system']) mkdirSync(join(folder, name), { recursive: true });
  copyFileSync(INIT, join(folder, 'init'));
  chmodSync(join(folder, 'init'), 0o755);
  copyFileSync((await pathOf('busybox')) ?? '', join(folder, 'bin/busybox'));
  for (const [index, module] of modules.entries()) {
    if (!existsSync(module)) throw new Error(`the kernel has no ${module}`);
    copyFileSync(module, join(folder, 'modules', `${index}-${basename(module)}`));
  }
  await run('sh', ['-c', 'find . | busybox cpio -o -H newc > ../initramfs.cpio'], folder);
  return readFileSync(join(folder, '../initramfs.cpio'));
}
