import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';

/** How a process ended. */
export interface Ending {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A process of a test. It never outlives the test run: `endAll` kills what is left. */
export interface Child {
  readonly pid: number;
  /** Everything it wrote so far. */
  readonly out: () => string;
  readonly err: () => string;
  /** Resolves with the first match in what it wrote to either stream; rejects after `withinMs` or when it ends before. */
  waitFor(pattern: RegExp, withinMs?: number): Promise<RegExpExecArray>;
  kill(signal?: NodeJS.Signals): void;
  readonly ended: Promise<Ending>;
}

const running = new Set<ChildProcess>();

export function start(command: string, args: readonly string[], options: SpawnOptions = {}): Child {
  const child = spawn(command, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] });
  running.add(child);
  const texts = { out: '', err: '' };
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    texts.out += text;
  });
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    texts.err += text;
  });
  let ending: Ending | undefined;
  const ended = new Promise<Ending>((resolve) => {
    const end = (code: number | null, signal: NodeJS.Signals | null) => {
      running.delete(child);
      ending = { code, signal };
      resolve(ending);
    };
    child.once('close', end);
    child.once('error', (error) => {
      texts.err += String(error);
      end(null, null);
    });
  });
  const said = () => `${command} ${args.join(' ')}\n--- out\n${texts.out}\n--- err\n${texts.err}`;
  return {
    pid: child.pid ?? -1,
    out: () => texts.out,
    err: () => texts.err,
    ended,
    kill: (signal = 'SIGTERM') => child.kill(signal),
    waitFor: (pattern, withinMs = 15_000) =>
      eventually(
        () => {
          const found = pattern.exec(texts.out) ?? pattern.exec(texts.err);
          if (found === null && ending !== undefined)
            throw new Error(`ended (${JSON.stringify(ending)}) before ${pattern}: ${said()}`);
          return found ?? undefined;
        },
        withinMs,
        () => `no ${pattern} within ${withinMs} ms: ${said()}`,
      ),
  };
}

/** Asks every 50 ms until there is an answer; rejects after `withinMs`. */
export async function eventually<T>(
  ask: () => T | undefined | Promise<T | undefined>,
  withinMs: number,
  message: () => string = () => `nothing within ${withinMs} ms`,
): Promise<T> {
  const until = performance.now() + withinMs;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    if (performance.now() > until) throw new Error(message());
    await sleep(50);
  }
}

/** Kills what is still running, and waits until it is gone. */
export async function endAll(): Promise<void> {
  await Promise.all(
    [...running].map(async (child) => {
      const closed = once(child, 'close');
      child.kill('SIGKILL');
      await closed;
    }),
  );
}
