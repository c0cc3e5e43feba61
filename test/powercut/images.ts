import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { run } from './workspace.ts';

const ROOT = join(import.meta.dirname, '../..');
const SITE = join(ROOT, 'examples/sites/carrer-demo.gateway.yaml');
const WITNESS = join(import.meta.dirname, 'guest/open-journal.js');
const MIB = 1 << 20;
const EXT4_BLOCK_BYTES = 4096;
/** Room for what the file system needs for itself. */
const SPARE = { factor: 1.2, bytes: 16 * MIB };
const CARD_BYTES = 512 * MIB;

/** A site of the guest: the example's, measuring every second, with its own `buffer:` line. */
export interface GuestSite {
  readonly name: string;
  readonly buffer: string;
}

/**
 * Makes the image that every guest runs from, read-only: the running Node with its libraries, and the gateway as it is
 * installed (dist/, its dependencies, boards, schemas). Its journal is opened through guest/open-journal.js.
 */
export async function makeSystemImage(folder: string, sites: readonly GuestSite[]): Promise<string> {
  const system = join(folder, 'system');
  const gateway = join(system, 'barri');
  for (const name of ['bin', 'dev', 'proc', 'card', 'tmp', 'barri/sites']) mkdirSync(join(system, name), { recursive: true });
  for (const path of [process.execPath, ...(await librariesOf(process.execPath))]) {
    mkdirSync(join(system, dirname(path)), { recursive: true });
    copyFileSync(path, join(system, path));
  }
  for (const path of ['dist', 'boards', 'config/schema', 'package.json', ...dependencies()]) {
    cpSync(join(ROOT, path), join(gateway, path), { recursive: true, dereference: true });
  }
  const journal = join(gateway, 'dist/gateway/journal');
  renameSync(join(journal, 'open-journal.js'), join(journal, 'built-open-journal.js'));
  copyFileSync(WITNESS, join(journal, 'open-journal.js'));
  const example = readFileSync(SITE, 'utf8').replace(/^defaults:.*$/m, 'defaults: { every: 1s }');
  for (const { name, buffer } of sites) {
    writeFileSync(join(gateway, 'sites', `${name}.gateway.yaml`), `${example}\nbuffer: ${buffer}\n`);
  }
  const image = join(folder, 'system.img');
  await makeExt4(image, sizeBytes(system) * SPARE.factor + SPARE.bytes, '-O', '^has_journal', '-d', system);
  return image;
}

/** An empty card. */
export async function makeCard(path: string): Promise<string> {
  await makeExt4(path, CARD_BYTES);
  return path;
}

async function makeExt4(path: string, bytes: number, ...options: readonly string[]): Promise<void> {
  await run('mkfs.ext4', ['-q', ...options, path, `${Math.ceil(bytes / MIB)}M`]);
}

async function librariesOf(program: string): Promise<string[]> {
  return (await run('ldd', [program])).match(/\/\S+/g)?.filter((path) => path !== `${program}:`) ?? [];
}

/** Folders of the packages that are installed without those for development. */
function dependencies(): string[] {
  const lock = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8')) as {
    readonly packages: Readonly<Record<string, { readonly dev?: boolean }>>;
  };
  const folders = Object.entries(lock.packages).filter(([path, { dev }]) => path !== '' && dev !== true);
  // What is for another kind of machine is in the list, and not installed.
  return folders.map(([path]) => path).filter((path) => existsSync(join(ROOT, path)));
}

function sizeBytes(folder: string): number {
  const entries = readdirSync(folder, { withFileTypes: true, recursive: true });
  const files = entries.filter((entry) => entry.isFile()).map(({ parentPath, name }) => statSync(join(parentPath, name)).size);
  return files.reduce((sum, size) => sum + Math.ceil(size / EXT4_BLOCK_BYTES) * EXT4_BLOCK_BYTES, 0);
}
