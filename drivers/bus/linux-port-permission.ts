import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { groupFix, userName } from './linux-group.ts';

/** Who may use serial ports on Debian. */
const GROUP_USUAL = 'dialout';
const READ_AND_WRITE = 0o060;

/** What gives this user the right to open a serial port: the command, as the end of a sentence. `root` is where /etc stands. */
export async function permissionFix(path: string, root = '/', user = userName()): Promise<string> {
  const file = await stat(path).catch(() => undefined);
  const groups = await readFile(join(root, 'etc/group'), 'utf8').catch(() => '');
  // name:password:number:members (group(5))
  const lines = groups.split('\n').map((line) => line.split(':'));
  const [group = GROUP_USUAL, , , members = ''] = lines.find(([, , number]) => number === String(file?.gid)) ?? [];
  if (file !== undefined && (file.gid === 0 || (file.mode & READ_AND_WRITE) !== READ_AND_WRITE)) {
    return `only root may open it; \`sudo chgrp ${GROUP_USUAL} ${path} && sudo chmod 660 ${path}\` lasts until it is plugged in again, a rule of udev for good`;
  }
  if (members.split(',').includes(user)) {
    return `${user} belongs to the group ${group}, but did not yet when this program was started: log in again, or restart the service`;
  }
  return groupFix(group, user);
}
