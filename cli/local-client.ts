import { promises as fs } from 'node:fs';
import * as http from 'node:http';
import { parseJson } from '../gateway/json.ts';
import { BEGIN_MS_MAX, socketPath } from '../gateway/local-api.ts';
import { EXIT, isForbidden } from './exit-codes.ts';
import type { Io } from './io.ts';
import { lockHolder } from './lock-holder.ts';
import { text } from './messages/live.ts';
import { ownerOf } from './owner.ts';
import { say } from './say.ts';

/** A running gateway answers at once; one that does not within this time is not running well enough to ask. */
const ANSWER_MS_MAX = 3_000;
/** An order waits for others, for the disk and for its bus; one that is begun at the last moment may take that much longer. */
const DONE_MS_MAX = BEGIN_MS_MAX + 15_000;
/** A thousand devices tell a few megabytes. */
const ANSWER_BYTES_MAX = 64 * 1024 * 1024;

/** What answers on the socket is no gateway. */
class NotUnderstood extends Error {
  override readonly name = 'NotUnderstood';
  readonly socket: string;
  constructor(socket: string) {
    super(socket);
    this.socket = socket;
  }
}

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
 * Rejects when it belongs to another user, or is no gateway: see orSayNotAsked.
 */
export async function askGateway<T>(stateFolder: string, path: string): Promise<T | undefined> {
  const answer = await exchange<T>(stateFolder, { method: 'GET', path, timeout: ANSWER_MS_MAX });
  return answer === 'unanswered' ? undefined : answer;
}

/**
 * The same for what it is told to do; it may take as long as its hardware does. `unanswered`: it was told, and nobody knows what came
 * of it.
 */
export function tellGateway<T>(stateFolder: string, path: string, json: object): Promise<T | 'unanswered' | undefined> {
  return exchange(stateFolder, { method: 'POST', path, timeout: DONE_MS_MAX }, JSON.stringify(json));
}

function exchange<T>(stateFolder: string, options: http.RequestOptions, body = ''): Promise<T | 'unanswered' | undefined> {
  const socket = socketPath(stateFolder);
  return new Promise((resolve, reject) => {
    let isConnected = false;
    const unanswered = () => resolve(isConnected ? 'unanswered' : undefined);
    const request = http.request({ ...options, socketPath: socket }, (answer) => {
      const chunks: Buffer[] = [];
      let sizeBytes = 0;
      const notUnderstood = () => reject(new NotUnderstood(socket));
      answer.on('data', (chunk: Buffer) => {
        sizeBytes += chunk.length;
        if (sizeBytes <= ANSWER_BYTES_MAX) return chunks.push(chunk);
        notUnderstood();
        request.destroy();
      });
      answer.on('error', unanswered);
      answer.on('end', () => {
        if (!answer.complete) return unanswered();
        const json = parseJson(Buffer.concat(chunks));
        if (typeof json !== 'object' || json === null) notUnderstood();
        else resolve(json as T);
      });
    });
    request.on('socket', (connection) => connection.once('connect', () => (isConnected = true)));
    request.on('timeout', () => request.destroy());
    request.on('error', (error: NodeJS.ErrnoException) => {
      if (isForbidden(error.code ?? '')) whoeverRuns(stateFolder).then(resolve, reject);
      else if (error.code?.startsWith('HPE_') === true) reject(new NotUnderstood(socket));
      else unanswered();
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

/** Runs `work`; that the gateway belongs to another user is said, with exit code 5, and that it is none, with 1. */
export async function orSayNotAsked(io: Io, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (error instanceof NotUnderstood) return say(text.notUnderstood(error.socket), io, EXIT.problems);
    if (!(error instanceof NotAllowed)) throw error;
    const owner = await ownerOf(error.folder);
    const message = error.isRunning ? text.apiForbidden : text.folderForbidden;
    say(message(error.folder, owner), io, EXIT.forbidden);
  }
}
