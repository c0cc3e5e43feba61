import * as http from 'node:http';
import { socketPath } from '../gateway/local-api.ts';
import { EXIT } from './exit-codes.ts';
import type { Io } from './io.ts';
import { text } from './messages/live.ts';

/** A running gateway answers at once; one that does not within this time is not running well enough to ask. */
const ANSWER_MS_MAX = 3_000;

/** This user may not ask the gateway. */
class NotAllowed extends Error {
  override readonly name = 'NotAllowed';
}

/**
 * Asks the gateway that runs on this state folder; undefined when none does, or when it ends before it has answered.
 * Rejects when it belongs to another user: see orSayNotAllowed.
 */
export function askGateway<T>(stateFolder: string, path: string): Promise<T | undefined> {
  return new Promise((resolve, reject) => {
    const request = http.get({ socketPath: socketPath(stateFolder), path, timeout: ANSWER_MS_MAX }, (answer) => {
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
      if (error.code === 'EACCES' || error.code === 'EPERM') reject(new NotAllowed(stateFolder));
      else resolve(undefined);
    });
  });
}

/** Runs `work`; a gateway of another user is said, with exit code 5. */
export async function orSayNotAllowed(io: Io, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!(error instanceof NotAllowed)) throw error;
    io.err(text.apiForbidden(error.message));
    io.setExitCode(EXIT.forbidden);
  }
}
