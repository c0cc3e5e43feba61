import { type Disk, DiskError, noFileOf } from '../host.ts';
import { withFile } from './disk-tools.ts';
import type { Damage, ForeignKind } from './journal.ts';

/** Something that is none of the journal's under the name of one of its files. */
export interface Foreign {
  readonly what: ForeignKind;
  readonly sizeBytes: number;
}

/** What stands under a name that a journal's file of at most `bytesMax` has; undefined for such a file, and when there is nothing. */
export async function foreignAt(disk: Disk, path: string, bytesMax: number): Promise<Foreign | undefined> {
  try {
    const sizeBytes = await withFile(disk, path, 'read', (file) => file.size());
    return sizeBytes > bytesMax ? { what: 'too-large', sizeBytes } : undefined;
  } catch (error) {
    if (!(error instanceof DiskError)) throw error;
    return noFile(error);
  }
}

/** What an opening came upon that was refused because it is no file. */
export function noFile(error: DiskError): Foreign | undefined {
  const what = noFileOf(error);
  return what && { what, sizeBytes: 0 };
}

/** Names it. `offset`: where the journal's own part of it ends. */
export function foreignDamage(file: string, { what, sizeBytes }: Foreign, offset = 0): Damage {
  return { file, offset, sizeBytes: sizeBytes - offset, kind: 'foreign', what };
}

/** Makes a name free. What an earlier attempt left there is deleted; what is none of the journal's stays, under another name. @throws DiskError */
export async function freeName(disk: Disk, path: string, bytesMax: number): Promise<void> {
  if ((await disk.size(path)) === undefined) return;
  await clearName(disk, path, bytesMax);
  if ((await disk.size(path)) !== undefined) await disk.unlink(path);
}

/** Before a rename that takes the name of what stands there: what is none of the journal's gets another one. @throws DiskError */
export async function clearName(disk: Disk, path: string, bytesMax: number): Promise<void> {
  if ((await foreignAt(disk, path, bytesMax)) === undefined) return;
  let aside = `${path}.foreign`;
  for (let number = 1; (await disk.size(aside)) !== undefined; number++) aside = `${path}.foreign-${number}`;
  await disk.rename(path, aside);
}
