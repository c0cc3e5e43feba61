import { activeOutputs } from './check-devices.ts';
import type { Plugged, Site } from './site.ts';

/**
 * What a site does to the safe state of an output. On is what it then is from power-up, at every stop and after a crash, and nothing
 * ends that: `max_on` sends an output back to its safe state. For a normally-open valve or a heater against frost that is right, and
 * `max_on: unlimited` beside it says that it is meant.
 */
export function checkSafeStates(site: Site, devices: ReadonlyMap<string, Plugged>): void {
  for (const device of devices.values()) {
    for (const [name, own] of activeOutputs(device)) {
      const board = device.board.outputs?.[name];
      if ((own?.safe ?? board?.safe) !== true || own?.max_on === 'unlimited') continue;
      const path = ['devices', device.id, 'outputs', name];
      const output = `${device.id}.${name}`;
      if (board?.safe === false) site.report('C208', [...path, 'safe'], { output, board: device.board.id }, 'warning');
      // A limit that the board brings was written by nobody here.
      else if (own?.max_on !== undefined) site.report('C209', [...path, 'max_on'], { output }, 'warning');
    }
  }
}
