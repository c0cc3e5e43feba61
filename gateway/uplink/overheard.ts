import type { Clock } from '../../drivers/clock.ts';
import type { Http, HttpRequest, HttpResponse } from '../host.ts';

/** A request and its answer, with the monotonic times between which the city has answered. */
export interface Heard {
  readonly method: HttpRequest['method'];
  readonly response: HttpResponse;
  readonly beganMs: number;
  readonly endedMs: number;
}

/** The same requests; of each that was answered `listen` is told, before whoever asked. */
export function overheard(http: Http, clock: Pick<Clock, 'monotonicMs'>, listen: (heard: Heard) => void): Http {
  return async (request, signal) => {
    const beganMs = clock.monotonicMs();
    const response = await http(request, signal);
    listen({ method: request.method, response, beganMs, endedMs: clock.monotonicMs() });
    return response;
  };
}
