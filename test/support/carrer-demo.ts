import { readdir, readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import type { Config } from '../../config/config.ts';
import { loadSite } from '../../config/load-site.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

/** The example site of \`npm start\`. */
export async function carrerDemo(): Promise<Config> {
  const { config } = await loadSite(`${ROOT}examples/sites/carrer-demo.gateway.yaml`, {
    readFile: (path) => readFile(path),
    listFolder: (folder) => readdir(folder).catch(() => []),
    boardFolders: [`${ROOT}boards`],
  });
  if (config === undefined) throw new Error('the example site has errors');
  return config;
}
