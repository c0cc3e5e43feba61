import { expect, test } from 'vitest';
import { model } from '../../../simulator/devices/analog.ts';
import { context } from '../site.ts';

test('gives the voltage that its board converts into its value', () => {
  const base = context({ driver: 'analog', readings: [{ id: 'moisture' }] }, { moisture: 60 });
  const convert = [
    {
      points: [
        [2.8, 0],
        [1.2, 100],
      ],
    },
    { clamp: [0, 100] },
  ] as const;
  const channels = base.device.channels.map((channel) => ({ ...channel, convert }));
  expect(model({ ...base, device: { ...base.device, channels } }).volts(0)).toBeCloseTo(1.84, 9);
  expect(model(base).volts(0)).toBe(60);
});
