import { type ChildProcess, execFileSync, type SpawnOptions, spawn } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const ROOT = join(import.meta.dirname, '../../..');
const BASELINES = join(ROOT, 'test/bench/baselines');
/** The baselines and the compiled workers stand together here: git, the linters and the tests of the house do not look into it. */
const PLACE = join(ROOT, 'node_modules/.cache/barri-bench');

/** As the start script sets them. */
const NODE_FLAGS = ['--max-semi-space-size=1'];
const ENVIRONMENT = { ...process.env, UV_THREADPOOL_SIZE: '12' };

/** Bytes of a kB of /proc. */
const KIBIBYTE = 1024;
const MEGABYTE = 1e6;

/** A message of a worker: what it has reached, what it asks, or, last, its result. */
export type Message = Readonly<Record<string, unknown>>;

export interface Worker {
  readonly pid: number;
  /** Its messages, until it has ended. Those it sent before it was killed are among them. */
  readonly messages: AsyncIterable<Message>;
  /** Answers what it asked. */
  answer(message: Message): void;
  /** Most memory that was in RAM at once so far, in MB. */
  peakRssMb(): number | undefined;
  /** `kill -9`: it gets no chance to finish anything. Resolves when it is gone. */
  kill(): Promise<void>;
}

const running = new Set<ChildProcess>();

/** Installs the baselines, unless these very versions are there, and compiles the workers, so that no loader is measured with them. */
export function prepareWorkers(): void {
  mkdirSync(PLACE, { recursive: true });
  const lock = readFileSync(join(BASELINES, 'package-lock.json'), 'utf8');
  const installed = join(PLACE, 'node_modules/installed-from.json');
  if (!existsSync(installed) || readFileSync(installed, 'utf8') !== lock) {
    for (const name of ['package.json', 'package-lock.json', '.npmrc']) cpSync(join(BASELINES, name), join(PLACE, name));
    execFileSync('npm', ['ci', '--no-audit', '--no-fund'], { cwd: PLACE, stdio: ['ignore', 'ignore', 'inherit'] });
    writeFileSync(installed, lock);
  }
  const project = join(PLACE, 'tsconfig.json');
  const compilerOptions = { rootDir: ROOT, outDir: PLACE, sourceMap: false, typeRoots: [join(ROOT, 'node_modules/@types')] };
  const include = [join(ROOT, 'test/bench/store/worker.ts')];
  writeFileSync(project, JSON.stringify({ extends: join(ROOT, 'tsconfig.build.json'), compilerOptions, include }));
  execFileSync(join(ROOT, 'node_modules/.bin/tsc'), ['-p', project], { stdio: ['ignore', 'inherit', 'inherit'] });
}

/** Starts a task of worker.ts in a process of its own, with the flags of the started gateway. */
export function startWorker(task: string, options: unknown): Worker {
  const main = join(PLACE, 'test/bench/store/worker.js');
  return follow(spawn(process.execPath, [...NODE_FLAGS, main, task, JSON.stringify(options)], SPAWNED));
}

/** Runs a task, gives its result, and kills its process: what it did not make durable is lost. */
export async function runWorker<T>(task: string, options: unknown): Promise<T> {
  const worker = startWorker(task, options);
  for await (const message of worker.messages) {
    if (!('result' in message)) continue;
    await worker.kill();
    return message['result'] as T;
  }
  throw new Error(`${task} ${JSON.stringify(options)} ended without a result`);
}

/** A Node process with the same flags that does nothing. */
export function startBareNode(): Worker {
  return follow(spawn(process.execPath, [...NODE_FLAGS, '-e', `console.log('{}'); setInterval(() => {}, 1000)`], SPAWNED));
}

/** Kills what is left. */
export function endWorkers(): void {
  for (const child of running) child.kill('SIGKILL');
}

const SPAWNED: SpawnOptions = { env: ENVIRONMENT, stdio: ['pipe', 'pipe', 'inherit'] };

function follow(child: ChildProcess): Worker {
  running.add(child);
  const ended = new Promise<void>((resolve) => {
    child.once('exit', () => {
      running.delete(child);
      resolve();
    });
  });
  const { stdin, stdout, pid } = child;
  if (stdin === null || stdout === null || pid === undefined) throw new Error('the worker has no pipes');
  return {
    pid,
    messages: messagesOf(createInterface({ input: stdout })),
    answer: (message) => stdin.write(`${JSON.stringify(message)}\n`),
    peakRssMb: () => peakRssMb(pid),
    kill: async () => {
      child.kill('SIGKILL');
      await ended;
    },
  };
}

async function* messagesOf(lines: AsyncIterable<string>): AsyncIterable<Message> {
  for await (const line of lines) yield JSON.parse(line) as Message;
}

function peakRssMb(pid: number): number | undefined {
  try {
    const kibibytes = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
    return kibibytes === undefined ? undefined : (Number(kibibytes) * KIBIBYTE) / MEGABYTE;
  } catch {
    return undefined;
  }
}
