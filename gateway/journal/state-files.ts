import { join } from 'node:path';
import type { Disk } from '../host.ts';
import { uplinkOf } from './cursor-file.ts';
import { LIST_FILE } from './file-list.ts';
import { foreignAt, foreignDamage } from './foreign.ts';
import type { Damage } from './journal.ts';
import { LOSSES_FILE } from './pending-losses.ts';
import { STATE_FILE_BYTES } from './two-slot-file.ts';

/** What stands in the place of the states: nothing is known then of what they said, and they are made anew beside. */
export async function foreignStates(disk: Disk, folder: string, names: readonly string[]): Promise<Damage[]> {
  const states = names.filter((name) => name === LOSSES_FILE || name === LIST_FILE || uplinkOf(name) !== undefined);
  const damage: Damage[] = [];
  for (const name of states) {
    const foreign = await foreignAt(disk, join(folder, name), STATE_FILE_BYTES);
    const ownBytes = foreign?.what === 'too-large' ? STATE_FILE_BYTES : 0;
    if (foreign !== undefined) damage.push(foreignDamage(name, foreign, ownBytes));
  }
  return damage;
}
