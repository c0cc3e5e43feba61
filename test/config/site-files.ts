import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { isAbsolute, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type LoadedSite, loadSite, type SiteOptions } from '../../config/load-site.ts';

/** The repository's folder. */
export const ROOT = fileURLToPath(new URL('../../', import.meta.url));

/** The folder with the data of these tests. */
export const DATA = join(ROOT, 'test/data/config');

/** Loads with the boards of the package; files that are not given are read from the disk. */
export function options(files: Readonly<Record<string, string>> = {}): SiteOptions {
  return {
    async readFile(path) {
      const text = files[path];
      return text === undefined ? readFileSync(path) : new TextEncoder().encode(text);
    },
    listFolder: async (path) => {
      const given = Object.keys(files).filter((file) => file.startsWith(`${path}/`));
      if (given.length > 0) return given.map((file) => file.slice(path.length + 1));
      return isAbsolute(path) && existsSync(path) ? readdirSync(path) : [];
    },
    boardFolders: [join(ROOT, 'boards')],
  };
}

/** A site file given as text, with other files beside it. */
export function loadText(text: string, files: Readonly<Record<string, string>> = {}): Promise<LoadedSite> {
  return loadSite('site.gateway.yaml', options({ ...files, 'site.gateway.yaml': text }));
}

/** What every site needs, so that a test shows only what it is about. */
export const HEAD = `schema: gateway/v1
gateway: { id: demo }
sentilo: { url: "https://sentilo.example.cat", provider: makers, token: { secret: sentilo_token } }
buses:
  i2c1: { type: i2c }
  pm: { type: serial, port: "usb:1a86:7523" }
  meters: { type: modbus-rtu, port: "usb:0403:6001", baud: 2400, format: 8E1 }
`;

/** `code line:column` of every problem. */
export function marks(site: Pick<LoadedSite, 'problems'>): string[] {
  return site.problems.map(({ code, place }) => `${code} ${place.line}:${place.column}`);
}

/** The codes of the errors. */
export function errors(site: Pick<LoadedSite, 'problems'>): string[] {
  return site.problems.filter(({ severity }) => severity === 'error').map(({ code }) => code);
}
