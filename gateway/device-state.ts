import type { Clock } from '../drivers/clock.ts';
import { BusError, type DeviceError } from '../drivers/errors.ts';
import type { Log } from './host.ts';
import { problemCode } from './problem-code.ts';

/** What is wrong with a device or one of its readings: a stable code (D2xx) and the driver's own words. */
export interface DeviceProblem {
  readonly code: string;
  readonly message: string;
}

/** How a device is doing. */
export interface DeviceState {
  readonly state: 'starting' | 'ok' | 'not-answering' | 'faulty';
  readonly problem?: DeviceProblem;
  /** Monotonic time of the last change of state. */
  readonly sinceMs: number;
  /** Failed tries since then. */
  readonly tryCount: number;
}

/** Follows how a device and its readings are doing, and logs each change once. */
export interface DeviceHealth {
  readonly state: DeviceState;
  /** Readings without a value in the newest successful read, and why. */
  readonly missing: ReadonlyMap<string, DeviceProblem>;
  succeeded(): void;
  failed(error: BusError | DeviceError): void;
  readingSucceeded(reading: string): void;
  readingFailed(reading: string, error: BusError | DeviceError): void;
}

export function deviceHealth(device: string, clock: Clock, log: Log): DeviceHealth {
  const missing = new Map<string, DeviceProblem>();
  let state: DeviceState = { state: 'starting', sinceMs: clock.monotonicMs(), tryCount: 0 };
  return {
    get state() {
      return state;
    },
    missing,
    succeeded: () => {
      if (state.state === 'ok') return;
      if (state.state !== 'starting') {
        const afterS = Math.round((clock.monotonicMs() - state.sinceMs) / 1000);
        log('info', 'device-back', { device, afterS, tries: state.tryCount });
      }
      state = { state: 'ok', sinceMs: clock.monotonicMs(), tryCount: 0 };
    },
    failed: (error) => {
      const problem = { code: problemCode(error), message: error.message };
      if (state.problem?.code === problem.code) {
        state = { ...state, problem, tryCount: state.tryCount + 1 };
        return;
      }
      log('warning', 'device-lost', { device, problem: problem.code, message: problem.message });
      const next = error instanceof BusError ? 'not-answering' : 'faulty';
      state = { state: next, problem, sinceMs: clock.monotonicMs(), tryCount: 1 };
    },
    readingSucceeded: (reading) => {
      if (missing.delete(reading)) log('info', 'reading-back', { device, reading });
    },
    readingFailed: (reading, error) => {
      const problem = { code: problemCode(error), message: error.message };
      const isNew = missing.get(reading)?.code !== problem.code;
      if (isNew) log('warning', 'reading-missing', { device, reading, problem: problem.code, message: problem.message });
      missing.set(reading, problem);
    },
  };
}
