import type { BusError, DeviceError } from '../drivers/errors.ts';
import { NewestTimes } from '../drivers/newest-times.ts';
import { problemCode } from './problem-code.ts';

/** How the reads of one device went since the start. */
export interface DeviceUse {
  readonly readCount: number;
  /** Reads that failed, by the code of the problem (D2xx). */
  readonly failures: ReadonlyMap<string, number>;
  /** How long the newest good ones took, from the first turn on the bus to the last value. */
  readonly times: NewestTimes;
  succeeded(tookMs: number): void;
  failed(error: BusError | DeviceError): void;
}

export function openDeviceUse(): DeviceUse {
  const failures = new Map<string, number>();
  const times = new NewestTimes();
  let readCount = 0;
  return {
    get readCount() {
      return readCount;
    },
    failures,
    times,
    succeeded: (tookMs) => {
      readCount += 1;
      times.add(tookMs);
    },
    failed: (error) => {
      readCount += 1;
      const code = problemCode(error);
      failures.set(code, (failures.get(code) ?? 0) + 1);
    },
  };
}
