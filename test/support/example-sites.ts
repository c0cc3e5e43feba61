import { readdir, readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import type { Config } from '../../config/config.ts';
import { loadSite } from '../../config/load-site.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

/** A site of examples/sites, by the name of its file without its ending. */
export async function exampleSite(name: string): Promise<Config> {
  const { config } = await loadSite(`${ROOT}examples/sites/${name}.gateway.yaml`, {
    readFile: (path) => readFile(path),
    listFolder: (folder) => readdir(folder).catch(() => []),
    boardFolders: [`${ROOT}boards`],
  });
  if (config === undefined) throw new Error(`the example site ${name} has errors`);
  return config;
}

/**
 * The same site without the gateway's own health. That tells of the run itself: no device model shows it, and two runs, one of
 * them in trouble, could not be compared.
 */
export function withoutItself(config: Config): Config {
  return { ...config, devices: new Map([...config.devices].filter(([, { needs }]) => needs !== 'gateway')) };
}
