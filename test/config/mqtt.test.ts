// A site with nodes on an MQTT bus, which this version cannot open: they are named, and the rest runs.

import { describe, expect, it } from 'vitest';
import { textOf } from '../../cli/messages/catalogue.ts';
import { en } from '../../cli/messages/en.ts';
import { errors, HEAD, loadText } from './site-files.ts';

const NODES = '  nodes: { type: mqtt, url: "mqtt://127.0.0.1:1883" }\n';
const AIR = '  air: { board: sht31@1, via: i2c1 }\n';
const OWN = `schema: board/v1
id: node
version: 1.0.0
label: Node
needs: mqtt
driver: mqtt-node
readings: { temperature: { quantity: air_temperature, unit: degC } }
`;

async function load(devices: string, files: Readonly<Record<string, string>> = {}) {
  const site = await loadText(`${HEAD}${NODES}devices:\n${devices}${AIR}`, files);
  const warnings = site.problems.filter(({ severity }) => severity === 'warning');
  const { config } = site;
  return {
    errors: errors(site),
    runs: [...(config?.devices.keys() ?? [])],
    skipped: Object.fromEntries(config?.skipped ?? []),
    warned: warnings.map(({ code, path, parameters }) => ({ at: `${code} ${path}`, ...textOf(en, code, parameters) })),
  };
}

describe('a device on an MQTT bus', () => {
  it('is named with the reason, also when its board is one that does not exist yet', async () => {
    const { errors, runs, skipped, warned } = await load('  corner: { board: mqtt-node@1, via: nodes, with: { topic: x } }\n');
    expect(errors).toEqual([]);
    expect({ runs, skipped }).toEqual({ runs: ['air'], skipped: { corner: 'C137' } });
    expect(warned).toHaveLength(1);
    expect(warned[0]).toMatchObject({ at: 'C137 devices.corner' });
    expect(warned[0]?.what).toMatch(/corner cannot run.*cannot read MQTT yet.*`nodes`/);
    expect(warned[0]?.hints.join('\n')).toContain('no board `mqtt-node@1` in this version');
  });

  it('says nothing of a missing board where there is one', async () => {
    const { skipped, warned } = await load('  corner: { board: node@1, via: nodes }\n', { 'boards/node.board.yaml': OWN });
    expect(skipped).toEqual({ corner: 'C137' });
    expect(warned[0]?.what).toContain('cannot read MQTT yet');
    expect(warned[0]?.hints.join('\n')).not.toContain('no board');
  });

  it('is left in peace when it is switched off', async () => {
    const { warned, skipped } = await load('  corner: { board: mqtt-node@1, via: nodes, enabled: false }\n');
    expect({ warned, skipped }).toEqual({ warned: [], skipped: {} });
  });

  it('takes along what is plugged into it', async () => {
    const { errors, skipped, warned } = await load(
      '  corner: { board: mqtt-node@1, via: nodes }\n  door: { board: contact@1, via: corner.d1 }\n',
    );
    expect(errors).toEqual([]);
    expect(skipped).toEqual({ corner: 'C137', door: 'C150' });
    expect(warned.map(({ at }) => at).sort()).toEqual(['C137 devices.corner', 'C150 devices.door.via']);
  });

  it('leaves what uses its readings unchecked, because they are not known', async () => {
    const site = await loadText(
      `${HEAD}${NODES}devices:\n  corner: { board: mqtt-node@1, via: nodes }\nrules:\n  r: { when: { reading: corner.x, above: 1 }, do: { alarm: a } }\n`,
    );
    expect(errors(site)).toEqual([]);
  });
});

it('a board that is unknown on any other bus stays an error', async () => {
  expect((await load('  corner: { board: mqtt-node@1, via: meters }\n')).errors).toEqual(['C101']);
});
