// A process of the store bench: `node worker.js <task> <options as JSON>`, compiled, with the flags of the started gateway.
// It writes one JSON message a line, the result last, and lives until it is killed or its task ends it.

import { readSync, writeSync } from 'node:fs';
import { optimiseLate } from '../../../cli/optimise-late.ts';
import { runAppend, runSpeed } from './append-run.ts';
import { runHistory } from './history-run.ts';
import { runLoopDelay } from './loop-delay-run.ts';
import { runDrain, runLowWater, runOpen, runWrite } from './outage-run.ts';
import { runSqliteDrain, runSqliteFill, runSqliteOpen } from './sqlite-run.ts';
import type { Message } from './workers.ts';

const ANSWER_BYTES_MAX = 65_536;
const ORPHAN_CHECK_MS = 1_000;
const [STDIN, STDOUT] = [0, 1];

/** Each takes its options, a way to send and a way to ask; what options it is given is up to the bench. */
const TASKS: Readonly<Record<string, (options: never, send: typeof write, ask: typeof askBench) => Promise<unknown>>> = {
  append: runAppend,
  drain: runDrain,
  history: runHistory,
  'loop-delay': runLoopDelay,
  'low-water': runLowWater,
  open: runOpen,
  speed: runSpeed,
  'sqlite-drain': runSqliteDrain,
  'sqlite-fill': runSqliteFill,
  'sqlite-open': runSqliteOpen,
  write: runWrite,
};

function write(message: Message): void {
  const bytes = new TextEncoder().encode(`${JSON.stringify(message)}\n`);
  for (let at = 0; at < bytes.length; ) at += writeSync(STDOUT, bytes, at);
}

function askBench(question: Message): Message {
  write(question);
  const bytes = new Uint8Array(ANSWER_BYTES_MAX);
  let length = 0;
  while (bytes[length - 1] !== 0x0a) {
    const readBytes = readSync(STDIN, bytes, length, bytes.length - length, null);
    if (readBytes === 0) throw new Error('the bench is gone');
    length += readBytes;
  }
  return JSON.parse(new TextDecoder().decode(bytes.subarray(0, length))) as Message;
}

// The bench may be killed: nobody waits for this process then.
const bench = process.ppid;
setInterval(() => {
  if (process.ppid !== bench) process.kill(process.pid, 'SIGKILL');
}, ORPHAN_CHECK_MS).unref();

optimiseLate();
const [name = '', options = '{}'] = process.argv.slice(2);
const task = TASKS[name];
if (task === undefined) throw new Error(`no task ${name}`);
const result = await task(JSON.parse(options) as never, write, askBench);
write({ result });
// Whoever started it looks at its memory and kills it.
setInterval(() => {}, ORPHAN_CHECK_MS);
