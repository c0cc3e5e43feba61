import type { Config, Texts } from '../../config/config.ts';
import type { Clock } from '../../drivers/clock.ts';
import type { Bus } from '../buses.ts';
import type { RunningDevice } from '../device.ts';
import type { Journal, JournalStats } from '../journal/journal.ts';
import type { Outputs } from '../outputs/output.ts';
import { devicesOf, noneAnswers } from '../status-of.ts';
import type { Timekeeper } from '../timekeeper.ts';
import type { UplinkStatus } from '../uplink/status.ts';
import type { Alarms } from './alarms.ts';
import { say } from './words.ts';

/** A device or bus that does not answer for so long is gone: a plug that somebody moves is not. */
const SILENT_MS = 5 * 60_000;
/** An output is tried again for some seconds by itself. */
const OUTPUT_MS = 15_000;
/** A device that did not answer at the start is asked again with its next poll, most within a minute. */
const UNSEEN_MS = 2 * 60_000;
/** A card hesitates for seconds now and then. */
const DISK_MS = 60_000;
/** Readings that wait for so long are no outage of an evening. */
const WAITING_MS = 6 * 3_600_000;
/** The journal is nearly full, and most of what it holds waits for the city: soon what was never delivered is given up. */
const FULL_SHARE = 0.9;
const WAITING_SHARE = 0.5;

/** What the gateway looks at to know how it is. */
export interface OwnHealth {
  readonly clock: Clock;
  readonly config: Config;
  readonly devices: readonly RunningDevice[];
  readonly buses: ReadonlyMap<string, Bus>;
  readonly outputs: Pick<Outputs, 'states'>;
  readonly journal: Pick<Journal, 'stats'>;
  readonly timekeeper: Pick<Timekeeper, 'wall'>;
  /** How the deliveries stand that the site has. */
  readonly city: () => UplinkStatus | undefined;
  readonly broker: () => UplinkStatus | undefined;
}

/** What may be wrong now: `isWrong` undefined where that is neither seen nor excluded. */
interface Finding {
  readonly kind: string;
  readonly about: string;
  readonly isWrong: boolean | undefined;
  /** What an earlier process found may still be so, although nothing is wrong as far as this one has seen. */
  readonly isUntried?: boolean;
  /** It is an alarm when it has been so for this time. */
  readonly afterMs: number;
  readonly say: () => Texts;
}

/** Raises the alarms of the gateway itself, and clears them. */
export interface OwnAlarms {
  look(): void;
  /** Whether it looks after that. */
  isKnown(kind: string, about: string): boolean;
}

export function openOwnAlarms(health: OwnHealth, alarms: Pick<Alarms, 'raise' | 'clear'>): OwnAlarms {
  /** Since when something is wrong, monotonic. */
  const wrongSinceMs = new Map<string, number>();
  const faults = openFaults(health);
  const findings = () => {
    const stored = health.journal.stats();
    const late = (['city', 'broker'] as const).map((to) => waiting(health, to, stored));
    return [...silences(health), ...faults(), ...late, disk(stored)];
  };
  return {
    look() {
      const nowMs = health.clock.monotonicMs();
      for (const { kind, about, isWrong, isUntried = false, afterMs, say: words } of findings()) {
        const key = `${kind} ${about}`;
        if (isWrong === undefined) continue;
        if (!isWrong) {
          wrongSinceMs.delete(key);
          if (!isUntried) alarms.clear(kind, about);
          continue;
        }
        const sinceMs = wrongSinceMs.get(key) ?? nowMs;
        wrongSinceMs.set(key, sinceMs);
        if (nowMs - sinceMs >= afterMs) alarms.raise({ kind, about, say: words() });
      }
    },
    isKnown: (kind, about) => findings().some((each) => each.kind === kind && each.about === about),
  };
}

/** Of a bus on which nothing answers one alarm is enough: its devices are not gone each for itself. */
function silences({ devices, buses }: OwnHealth): Finding[] {
  return [...buses.values()].flatMap((bus) => {
    const own = devicesOf(bus, devices);
    const { id } = bus.config;
    // A device may have the name of a bus, and would share its alarm.
    const about = devices.some(({ config }) => config.id === id) ? `bus ${id}` : id;
    const isBus = bus.failure !== undefined || noneAnswers(own);
    const ofBus: Finding = {
      kind: 'silent',
      about,
      isWrong: isBus,
      afterMs: SILENT_MS,
      say: () => say.silentBus(id),
    };
    const ofDevices = own.map(({ config, health: { state } }): Finding => {
      const isSilent = state.state === 'not-answering' && !isBus;
      return {
        kind: 'silent',
        about: config.id,
        isWrong: isSilent ? true : state.state === 'ok' ? false : undefined,
        afterMs: SILENT_MS,
        say: () => say.silentDevice(config.name),
      };
    });
    return [ofBus, ...ofDevices];
  });
}

/**
 * Nobody knows where an output is that was not seen since the start. Whether one does what is expected of it shows only when it is
 * away from its safe state: until then what an earlier process found may still be so.
 */
function openFaults({ config, outputs }: OwnHealth): () => Finding[] {
  const expecting = [...config.devices.values()].flatMap((device) =>
    device.outputs.filter(({ expect }) => expect !== undefined).map(({ id }) => `${device.id}.${id}`),
  );
  const untried = new Set(expecting);
  return () =>
    outputs.states().map(({ output, safe, asked, seen, problem, isAwaited = false }) => {
      if (asked !== undefined && asked.on !== safe) untried.delete(output);
      return {
        kind: 'output_fault',
        about: output,
        isWrong: problem === undefined && isAwaited ? undefined : problem !== undefined || seen === undefined,
        isUntried: untried.has(output),
        afterMs: problem === undefined ? UNSEEN_MS : OUTPUT_MS,
        say: () => (problem === undefined ? say.outputUnseen(output) : say.outputFault(output, problem)),
      };
    });
}

function waiting(health: OwnHealth, to: 'city' | 'broker', { recordCount, sizeBytes, sizeBytesMax }: JournalStats): Finding {
  const status = health[to]();
  const wall = health.timekeeper.wall();
  const oldestMs = status?.oldestWaitingWallMs;
  const isLate = oldestMs !== undefined && wall.quality !== 'none' && wall.ms - oldestMs >= WAITING_MS;
  const isFull = sizeBytes >= FULL_SHARE * sizeBytesMax && (status?.waitingCount ?? 0) >= WAITING_SHARE * recordCount;
  return { kind: 'buffer_filling', about: to, isWrong: isLate || isFull, afterMs: 0, say: say.bufferFilling[to] };
}

function disk({ failing, slow, sealingFailure }: JournalStats): Finding {
  const code = failing?.code ?? sealingFailure;
  const isWrong = code !== undefined || slow !== undefined;
  return {
    kind: 'disk',
    about: '',
    isWrong,
    afterMs: DISK_MS,
    say: () => (code === undefined ? say.slowDisk() : say.disk(code)),
  };
}
