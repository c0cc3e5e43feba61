import { chmodSync, copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { Missing, pathOf, run } from '../powercut/workspace.ts';

/** What QEMU boots. */
export interface KernelImage {
  readonly image: string;
  readonly initramfs: string;
}

/** Of Debian's kernel, in the order in which they need each other. */
const MODULES = [
  'drivers/virtio/virtio_ring',
  'drivers/virtio/virtio',
  'drivers/virtio/virtio_pci_legacy_dev',
  'drivers/virtio/virtio_pci_modern_dev',
  'drivers/virtio/virtio_pci',
  'fs/netfs/netfs',
  'fs/fscache/fscache',
  'net/9p/9pnet',
  'net/9p/9pnet_virtio',
  'fs/9p/9p',
  'fs/overlayfs/overlay',
  'fs/configfs/configfs',
  'drivers/i2c/i2c-dev',
  'drivers/i2c/i2c-stub',
];
/** Debian builds no simulated GPIO chip; they are built from its own source. */
const OWN_MODULES = ['irqsim', 'gpio-sim'];

/**
 * Debian's kernel of the newest version, unpacked into `folder` and not installed, with gpio-sim built from Debian's source.
 * @throws Missing when the packages with its headers and its source are not installed
 */
export async function prepareKernel(folder: string): Promise<KernelImage> {
  const known = await run('apt-cache', ['depends', 'linux-image-amd64']).catch(() => '');
  const version = /Depends: linux-image-(\S+)/.exec(known)?.[1];
  if (version === undefined)
    throw new Missing('apt knows no package linux-image-amd64: run apt-get update on a Debian 12 of amd64');
  const headers = `/usr/src/linux-headers-${version}`;
  const source = `/usr/src/linux-source-${version.split('.').slice(0, 2).join('.')}.tar.xz`;
  if (!existsSync(headers) || !existsSync(source) || (await pathOf('make')) === undefined) {
    const packages = `linux-headers-${version} ${basename(source, '.tar.xz')} make gcc`;
    throw new Missing(`packages are missing: apt-get install --no-install-recommends ${packages}`);
  }
  const unpacked = join(folder, 'kernel');
  mkdirSync(unpacked);
  const [own] = await Promise.all([buildOwn(folder, headers, source), download(version, unpacked)]);
  const modules = MODULES.map((name) => join(unpacked, 'lib/modules', version, 'kernel', `${name}.ko`));
  const initramfs = join(folder, 'initramfs.gz');
  writeFileSync(initramfs, gzipSync(await archive(join(folder, 'initramfs'), [...modules, ...own]), { level: 1 }));
  return { image: join(unpacked, 'boot', `vmlinuz-${version}`), initramfs };
}

async function download(version: string, folder: string): Promise<void> {
  const get = () => run('apt-get', ['download', '-qq', `linux-image-${version}`], folder);
  // One retry, because mirrors fail for a moment now and then.
  await get().catch(get);
  await run('sh', ['-c', 'dpkg -x linux-image-*.deb . && rm linux-image-*.deb'], folder);
}

/** irq_sim is part of the kernel where gpio-sim is; as a module of its own it may not use one function that is not exported. */
async function buildOwn(folder: string, headers: string, source: string): Promise<string[]> {
  const build = join(folder, 'modules');
  mkdirSync(build);
  const top = basename(source, '.tar.xz');
  const files = ['drivers/gpio/gpio-sim.c', 'drivers/gpio/gpiolib.h', 'kernel/irq/irq_sim.c'];
  await run('tar', ['xJf', source, '--transform', 's,.*/,,', ...files.map((file) => `${top}/${file}`)], build);
  const irqSim = readFileSync(join(build, 'irq_sim.c'), 'utf8').replace('handle_simple_irq(irq_to_desc(', 'generic_handle_irq((');
  const asModule = `#include <linux/module.h>\n${irqSim}\nMODULE_LICENSE("GPL");\n`;
  writeFileSync(join(build, 'irq_sim.c'), asModule);
  writeFileSync(join(build, 'Kbuild'), 'obj-m := irqsim.o gpio-sim.o\nirqsim-y := irq_sim.o\n');
  await run('make', ['-C', headers, `M=${build}`, 'modules']);
  return OWN_MODULES.map((name) => join(build, `${name}.ko`));
}

async function archive(folder: string, modules: readonly string[]): Promise<Buffer> {
  for (const name of ['bin', 'dev', 'proc', 'sys', 'modules', 'host', 'layer', 'system']) {
    mkdirSync(join(folder, name), { recursive: true });
  }
  copyFileSync(join(import.meta.dirname, 'guest/init'), join(folder, 'init'));
  chmodSync(join(folder, 'init'), 0o755);
  copyFileSync((await pathOf('busybox')) ?? '', join(folder, 'bin/busybox'));
  for (const [index, module] of modules.entries()) {
    if (!existsSync(module)) throw new Error(`the kernel has no ${module}`);
    copyFileSync(module, join(folder, 'modules', `${String(index).padStart(2, '0')}-${basename(module)}`));
  }
  await run('sh', ['-c', 'find . | busybox cpio -o -H newc > ../initramfs.cpio'], folder);
  return readFileSync(join(folder, '../initramfs.cpio'));
}

/** A Debian 13 with the tools of libgpiod 2, in `folder`. */
export async function prepareTrixie(folder: string): Promise<string> {
  const root = join(folder, 'trixie');
  await run('mmdebstrap', ['--quiet', '--variant=minbase', '--include=gpiod', 'trixie', root, 'http://deb.debian.org/debian']);
  return root;
}
