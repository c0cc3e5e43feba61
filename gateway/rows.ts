import type { Channel } from './channel.ts';
import type { RunningDevice } from './device.ts';
import type { DeviceStatus, ReadingRow, ReadingTrouble } from './status.ts';

/** A value older than this many periods is no longer shown as current. */
const PERIODS_UNTIL_OLD = 3;

/** The newest of every channel, for people. */
export function readingRows(devices: readonly RunningDevice[], nowMs: number): ReadingRow[] {
  return devices.flatMap((device) => device.channels.map((channel) => row(device, channel, nowMs)));
}

function row(device: RunningDevice, channel: Channel, nowMs: number): ReadingRow {
  const { reading, sensor, unit, precision } = channel.config;
  const problem = device.health.missing.get(reading) ?? device.health.state.problem;
  const common = { device: device.config.id, reading, sensor, unit, precision, ...(problem === undefined ? {} : { problem }) };
  const { latest } = channel;
  if (latest === undefined) return { ...common, quality: 'none' };
  const ageMs = nowMs - latest.monotonicMs;
  const isOld = ageMs > PERIODS_UNTIL_OLD * device.config.everyMs;
  return {
    ...common,
    value: latest.value,
    ageMs,
    quality: isOld ? 'old' : latest.quality,
    ...(latest.reason === undefined ? {} : { reason: latest.reason }),
  };
}

/** The readings of devices that answer with which something is wrong. */
export function readingTroubles(devices: readonly RunningDevice[]): ReadingTrouble[] {
  return devices
    .filter(({ health }) => health.state.state === 'ok')
    .flatMap(({ config, channels, health }) =>
      channels.flatMap(({ config: { reading }, latest }): ReadingTrouble[] => {
        const problem = health.missing.get(reading);
        if (problem !== undefined) return [{ device: config.id, reading, problem }];
        const isDoubted = latest?.quality === 'suspect' && latest.reason !== undefined;
        return isDoubted ? [{ device: config.id, reading, reason: latest.reason }] : [];
      }),
    );
}

/** How every device is doing. */
export function deviceStatuses(devices: readonly RunningDevice[], nowMs: number): DeviceStatus[] {
  return devices.map((device) => {
    const { state, problem, sinceMs } = device.health.state;
    return {
      device: device.config.id,
      board: device.config.board,
      bus: device.config.via.bus,
      state,
      ...(problem === undefined ? {} : { problem }),
      sinceMs: nowMs - sinceMs,
      ...device.use.counts,
    };
  });
}
