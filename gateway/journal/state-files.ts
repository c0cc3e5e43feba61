import { join } from 'node:path';
import type { Disk } from '../host.ts';
import { CURSOR_MAGIC, uplinkOf } from './cursor-file.ts';
import { LIST_FILE, LIST_MAGIC } from './file-list.ts';
import { foreignAt, foreignDamage } from './foreign.ts';
import type { Damage } from './journal.ts';
import { LOSSES_FILE, LOSSES_MAGIC } from './pending-losses.ts';
import { readTwoSlots, STATE_FILE_BYTES } from './two-slot-file.ts';

/** States of which nothing can be believed, and what stands in their place: they are made anew, and nothing is known of what they said. */
export async function stateDamage(disk: Disk, folder: string, names: readonly string[]): Promise<Damage[]> {
  const damage: Damage[] = [];
  for (const name of names) {
    const magic = magicOf(name);
    if (magic === undefined) continue;
    const path = join(folder, name);
    const foreign = await foreignAt(disk, path, STATE_FILE_BYTES);
    const ownBytes = foreign?.what === 'too-large' ? STATE_FILE_BYTES : 0;
    if (foreign !== undefined) damage.push(foreignDamage(name, foreign, ownBytes));
    else if ((await readTwoSlots(disk, path, magic)) === 'damaged')
      damage.push({ file: name, offset: 0, sizeBytes: STATE_FILE_BYTES, kind: 'damaged' });
  }
  return damage;
}

function magicOf(name: string): string | undefined {
  if (name === LOSSES_FILE) return LOSSES_MAGIC;
  if (name === LIST_FILE) return LIST_MAGIC;
  return uplinkOf(name) === undefined ? undefined : CURSOR_MAGIC;
}
