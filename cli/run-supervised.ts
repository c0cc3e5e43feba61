import { type ChildProcess, spawn } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Io } from './io.ts';
import { text } from './messages/supervise.ts';
import { END_HUNG } from './outputs-safe.ts';
import { say } from './say.ts';
import { type SuperviseParts, type SupervisorNews, supervise } from './supervise.ts';

/** The command lines of a gateway, and of what makes its outputs safe when it has ended. */
export interface SupervisedCommands {
  readonly run: readonly string[];
  readonly safe: readonly string[];
}

/** Runs `barri run` under supervision until a signal ends it. */
export async function runSupervised({ run, safe }: SupervisedCommands, io: Io): Promise<void> {
  const stop = new AbortController();
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  let gateway: ChildProcess | undefined;
  let isFirst = true;
  const onSignal = (signal: NodeJS.Signals) => {
    // A second one is the gateway's to judge, which may have got the first twice: from us, and from who signals each process.
    if (!isFirst) gateway?.kill(signal);
    isFirst = false;
    stop.abort(signal);
  };
  for (const signal of signals) process.on(signal, onSignal);
  const barri = (args: readonly string[], hasChannel: boolean) => {
    const own = [...process.execArgv, process.argv[1] ?? '', ...args];
    // In a group of its own: Ctrl-C in a terminal reaches it through us, once.
    return spawn(process.execPath, own, {
      stdio: ['ignore', 'inherit', 'inherit', ...(hasChannel ? ['ipc' as const] : [])],
      detached: true,
    });
  };
  const parts: SuperviseParts = {
    startGateway: () => {
      gateway = barri(run, true);
      return gateway;
    },
    startSafe: (endsHung) => barri([...safe, ...(endsHung ? [END_HUNG] : [])], false),
    repeat: (everyMs, callback) => {
      const timer = setInterval(callback, everyMs);
      return () => clearInterval(timer);
    },
    wait: (forMs, signal) => sleep(forMs, undefined, { signal }).catch(() => {}),
    nowMs: () => performance.now(),
    say: (news) => say(textOf(news), io),
  };
  io.setExitCode(await supervise(parts, stop.signal));
  for (const signal of signals) process.off(signal, onSignal);
}

function textOf(news: SupervisorNews): string {
  if (news.what === 'hangs' || news.what === 'stays') return text[news.what];
  if (news.what === 'safe-since') return text.safeSince;
  return news.what === 'ended' ? text.ended(news) : text.notSafe(news);
}
