import { promises as fs } from 'node:fs';
import * as http from 'node:http';
import { socketPath } from '../gateway/local-api.ts';
import { EXIT, isForbidden } from './exit-codes.ts';
import type { Io } from './io.ts';
import { lockHolder } from './lock-holder.ts';
import { text } from './messages/live.ts';
import { ownerOf } from './owner.ts';
import { say } from './say.ts';

/** A running gateway answers at once; one that does not within this time is not running well enough to ask. */
const ANSWER_MS_MAX = 3_000;
/** An order waits for others, for the disk and for its bus. */
const DONE_MS_MAX = 60_000;

/** This user may not ask the gateway, or not even see whether there is one. */
class NotAllowed extends Error {
  override readonly name = 'NotAllowed';
  readonly folder: string;
  readonly isRunning: boolean;
  constructor(folder: string, isRunning: boolean) {
    super(folder);
    this.folder = folder;
    this.isRunning = isRunning;
  }
}

/**
 * Asks the gateway that runs on this state folder; undefined when none does, or when it ends before it has answered.
 * Rejects when it belongs to another user: see orSayNotAllowed.
 */
export function askGateway<T>(stateFolder: string, path: string): Promise<T | undefined> {
  return exchange(stateFolder, { method: 'GET', path, timeout: ANSWER_MS_MAX });
}

/** The same for what it is told to do; it may take as long as its hardware does. */
export function tellGateway<T>(stateFolder: string, path: string, json: object): Promise<T | undefined> {
  return exchange(stateFolder, { method: 'POST', path, timeout: DONE_MS_MAX }, JSON.stringify(json));
}

function exchange<T>(stateFolder: string, options: http.RequestOptions, body = ''): Promise<T | undefined> {
  return new Promise((resolve, reject) => {
    const request = http.request({ ...options, socketPath: socketPath(stateFolder) }, (answer) => {
      let json = '';
      answer.setEncoding('utf8');
      answer.on('data', (chunk: string) => {
        json += chunk;
      });
      answer.on('error', () => resolve(undefined));
      answer.on('end', () => resolve(answer.complete ? (JSON.parse(json) as T) : undefined));
    });
    request.on('timeout', () => request.destroy());
    request.on('error', (error: NodeJS.ErrnoException) => {
      if (isForbidden(error.code ?? '')) whoeverRuns(stateFolder).then(resolve, reject);
      else resolve(undefined);
    });
    request.end(body);
  });
}

/** After a refusal: undefined when the socket only was left there. @throws NotAllowed */
async function whoeverRuns(stateFolder: string): Promise<undefined> {
  const isRunning = (await lockHolder(stateFolder)) !== undefined;
  const isOpen = await fs.access(stateFolder, fs.constants.X_OK).then(
    () => true,
    () => false,
  );
  if (isRunning || !isOpen) throw new NotAllowed(stateFolder, isRunning);
}

/** Runs `work`; what belongs to another user is said, with exit code 5. */
export async function orSayNotAllowed(io: Io, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!(error instanceof NotAllowed)) throw error;
    const owner = await ownerOf(error.folder);
    const message = error.isRunning ? text.apiForbidden : text.folderForbidden;
    say(message(error.folder, owner), io, EXIT.forbidden);
  }
}
