import { userInfo } from 'node:os';

/** What puts the user of this program into a group: the command, as the end of a sentence. */
export function groupFix(group: string, user = userName()): string {
  return `\`sudo usermod -aG ${group} ${user}\`, then log in again or restart the service`;
}

/** The user of this program; a container may run under a number that has no name, and most commands take that too. */
export function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return String(process.geteuid?.() ?? '$USER');
  }
}
