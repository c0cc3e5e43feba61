import { openOutputs } from '../../gateway/outputs/outputs.ts';
import type { Switchable } from '../../gateway/outputs/running.ts';
import { loadText } from '../config/site-files.ts';
import { TestClock } from '../support/test-clock.ts';
import { MemoryJournal } from '../uplink/memory-journal.ts';

/** The outputs of a site with one valve, `valve.open`, whose hardware does what `switchTo` makes of the clock. */
export async function oneValve(limits: string, switchTo: (clock: TestClock) => Switchable['switchTo']) {
  const { config } = await loadText(
    `schema: gateway/v1\ngateway: { id: trial }\ndevices: { valve: { board: solenoid-valve@1, via: gpio.pin15, outputs: { open: { safe: off, ${limits} } } } }\n`,
  );
  const valve = config?.devices.get('valve');
  if (valve === undefined) throw new Error('the site has errors');
  const clock = new TestClock({ ms: 0, quality: 'synced' });
  const outputs = openOutputs([{ config: valve, switchTo: switchTo(clock), safeMs: 0, holdFor: () => () => {} }], {
    clock,
    bootId: 'boot',
    log: () => {},
    journal: new MemoryJournal(),
    fatal: (error) => {
      throw error;
    },
    keep: () => {},
    latest: () => undefined,
    lastHeardMs: () => undefined,
  });
  return { clock, outputs };
}
