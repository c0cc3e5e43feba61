import { promises as fs } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { isForbidden } from './exit-codes.ts';
import { refusalOf, shellWord } from './refused-file.ts';

/** Permission bits of the group and of everybody. */
const OTHERS_MODE = 0o077;

/** What a header of HTTP can carry: printable ASCII without spaces. */
const HEADER_TEXT = /^[!-~]+$/;

/** A secret, or why it cannot be had: a problem's code and the parameters of its text. */
export type SecretResult =
  | { readonly value: string }
  | { readonly code: 'C090' | 'C091' | 'C092' | 'C094' | 'C095'; readonly parameters: Readonly<Record<string, string>> };

/**
 * Reads the secret `name` of a site: `$CREDENTIALS_DIRECTORY/NAME` where systemd hands it over, else `secrets/NAME`
 * beside the site file, which nobody but its owner may read. Trailing line ends are not part of it.
 */
export async function readSecret(
  name: string,
  siteFile: string,
  env: Readonly<Record<string, string | undefined>>,
): Promise<SecretResult> {
  const folder = env['CREDENTIALS_DIRECTORY'];
  // Whole, because commands with it are pasted in another folder.
  const path = resolve(folder === undefined ? join(dirname(siteFile), 'secrets', name) : join(folder, name));
  try {
    // systemd answers for the mode of what it hands over.
    const stats = await fs.stat(path);
    if (stats.isDirectory() && folder === undefined) return isFolder(name, path);
    if (folder === undefined && (stats.mode & OTHERS_MODE) !== 0)
      return { code: 'C091', parameters: { name, command: await closingCommand(path) } };
    const value = (await fs.readFile(path, 'utf8')).replace(/[\r\n]+$/, '');
    if (value === '') return { code: 'C092', parameters: { name, path } };
    return HEADER_TEXT.test(value) ? { value } : { code: 'C094', parameters: { name, path } };
  } catch (error) {
    const reason = (error as NodeJS.ErrnoException).code ?? 'unknown';
    if (folder !== undefined) return { code: 'C090', parameters: { kind: 'credential', name, path, reason } };
    if (isForbidden(reason)) return { code: 'C095', parameters: { name, path, ...(await refusalOf(path, true)) } };
    const commands = {
      make: `mkdir -p ${shellWord(dirname(path))} && nano ${shellWord(path)}`,
      close: `chmod 600 ${shellWord(path)}`,
    };
    return { code: 'C090', parameters: { kind: 'file', name, path, reason, ...commands } };
  }
}

function isFolder(name: string, path: string): SecretResult {
  const command = `rmdir ${shellWord(path)} && nano ${shellWord(path)}`;
  return { code: 'C090', parameters: { kind: 'folder', name, path, command, close: `chmod 600 ${shellWord(path)}` } };
}

/** Closes the file to others; one of somebody else has to be given to this user first, except to root, whom nothing is closed to. */
async function closingCommand(path: string): Promise<string> {
  const { kind, command } = await refusalOf(path, true);
  return kind === 'file' && process.geteuid?.() !== 0 ? command : `chmod 600 ${shellWord(path)}`;
}
