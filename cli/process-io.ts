import { Buffer } from 'node:buffer';
import { existsSync, fstatSync, writeSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { exitOfOutput } from './exit-codes.ts';
import type { Io } from './io.ts';
import { outputFailed } from './messages/output.ts';

/** Size to assume where the output is no terminal. */
const COLUMNS_DEFAULT = 100;
const ROWS_DEFAULT = 40;
const STDOUT = 1;

/** The process as the commands see it. The exit code only ever rises, so that no later success hides a failure. */
export function processIo(fatal: Io['fatal']): Io {
  let isOutputLost = false;
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      // A reader that closed its end (`barri … | head`) ends the output, never the gateway; nor does a full disk.
      if (error.code === 'EPIPE' || isOutputLost) return;
      isOutputLost = true;
      const code = error.code ?? 'UNKNOWN';
      process.stderr.write(outputFailed(code));
      setExitCode(exitOfOutput(code));
    });
  }
  return {
    fatal,
    out: toStandardOutput,
    err: (text) => process.stderr.write(text),
    env: process.env,
    isTerminal: process.stdout.isTTY ?? false,
    get columns() {
      return process.stdout.columns ?? COLUMNS_DEFAULT;
    },
    get rows() {
      return process.stdout.rows ?? ROWS_DEFAULT;
    },
    packageRoot: packageRoot(),
    setExitCode,
  };
}

/** Into a file node writes what there is room for, and drops the rest without a word: the end of a disk that gets full. */
export function toStandardOutput(data: string | Uint8Array): void {
  if (!fstatSync(STDOUT).isFile()) {
    process.stdout.write(data);
    return;
  }
  const bytes = Buffer.from(data);
  try {
    for (let at = 0; at < bytes.length; ) at += writeSync(STDOUT, bytes, at);
  } catch (error) {
    process.stdout.emit('error', error);
  }
}

function setExitCode(code: number): void {
  process.exitCode = Math.max(code, Number(process.exitCode ?? 0));
}

/** The nearest folder above this file that holds package.json: the program runs from cli/ and from dist/cli/. */
function packageRoot(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, 'package.json'))) {
    const parent = dirname(folder);
    if (parent === folder) throw new Error('package.json was not found above the program');
    folder = parent;
  }
  return folder;
}
