import { EXIT } from '../exit-codes.ts';
import type { Ended, NotSafe } from '../supervise.ts';

/** Texts about a gateway that is supervised. English; other languages take the same keys. */
export const text = {
  hangs:
    'error[B134] the gateway hangs: it is killed, and what makes its outputs safe is started\n   = please report it with the lines of the log before it\n',
  ended: ({ code, signal, isSafe, againMs }: Ended) =>
    `warning[B135] the gateway ended (${endingOf(code, signal)})${isSafe ? ', its outputs were made safe' : ''}: it is started again in ${againMs / 1000} s\n   = ${code === EXIT.ok ? 'stop what started it, not the gateway itself' : 'its own lines before this say why'}\n`,
  safeSince:
    'warning[B155] all outputs are safe now, also those that were not known to be when the gateway was stopped (B148)\n   = look why they did not follow at once: their wiring, and what else is on their line\n',
  stays:
    'error[B138] the gateway does not end although it was killed: a call to a disk or an adapter holds it\n   = unplug the adapter and look at the card; if it stays, restart the machine\n',
  notSafe: ({ code, againMs, isKilledThere }: NotSafe) => {
    if (code === EXIT.tryAgain && isKilledThere)
      return 'error[B140] the outputs were not made safe: the gateway that was killed is still there and has them\n   = switch off their supply by hand; they are made safe as soon as it has ended\n';
    if (code === EXIT.tryAgain)
      return 'warning[B139] the outputs were not made safe: another gateway runs on this state folder and keeps them\n   = stop one of the two\n';
    const why = code === null ? 'not done in its time' : `exit code ${code}`;
    const then = againMs === undefined ? '' : `, it is tried again${againMs === 0 ? '' : ` in ${againMs / 1000} s`}`;
    return `error[B136] the outputs could not be made safe (${why})${then}\n   = the lines before this say which, and why; switch off their supply by hand\n`;
  },
} as const;

function endingOf(code: number | null, signal: string | null): string {
  return code === null ? (signal ?? 'it could not be started') : `exit code ${code}`;
}
