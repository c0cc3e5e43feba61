import * as http from 'node:http';
import { socketPath } from '../gateway/local-api.ts';

/** A running gateway answers at once; one that does not within this time is not running well enough to ask. */
const ANSWER_MS_MAX = 3_000;

/** Asks the gateway that runs on this state folder; undefined when none does. */
export function askGateway<T>(stateFolder: string, path: string): Promise<T | undefined> {
  return new Promise((resolve, reject) => {
    const request = http.get({ socketPath: socketPath(stateFolder), path, timeout: ANSWER_MS_MAX }, (answer) => {
      let text = '';
      answer.setEncoding('utf8');
      answer.on('data', (chunk: string) => {
        text += chunk;
      });
      answer.on('end', () => resolve(JSON.parse(text) as T));
    });
    request.on('timeout', () => request.destroy(new Error(`the gateway on ${stateFolder} does not answer`)));
    request.on('error', (error: NodeJS.ErrnoException) => {
      const notRunning = error.code === 'ENOENT' || error.code === 'ECONNREFUSED';
      if (notRunning) resolve(undefined);
      else reject(error);
    });
  });
}
