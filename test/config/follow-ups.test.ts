import { describe, expect, it } from 'vitest';
import { HEAD } from './site-files.ts';
import { told } from './told.ts';

const METER = 'board: eastron-sdm120@1, via: meters';

describe('one mistake is told once', () => {
  it('of an anchor that stands below its use', async () => {
    const text = `${HEAD}devices:
  second:
    <<: *m
    with: { unit: 2 }
  first: &m { ${METER} }
`;
    expect(await told(text)).toEqual([
      'C016 there is no anchor `&m` above this line: it stands on line 12: put that block above this one',
    ]);
  });

  it('of an anchor that is not there', async () => {
    expect(await told(`${HEAD}devices:\n  first: &n { ${METER} }\n  second: { <<: *m, with: { unit: 2 } }\n`)).toEqual([
      'C016 there is no anchor `&m` above this line: anchors above it: n; write `&m` behind the key of the block that is meant',
    ]);
  });

  it('of a non-breaking space behind a number', async () => {
    const found = await told(`${HEAD}  more: { type: modbus-rtu, port: header, baud: 9600\u00a0, format: 8N1 }\n`);
    expect(found.map((line) => line.slice(0, 59))).toEqual(['C015 a U+00A0 stands where a normal space belongs: it looks']);
  });
});

it('the speed of the factory is told once for all devices of a kind on a bus', async () => {
  const meter = (id: string, bus: string, more = '') => `  ${id}: { board: eastron-sdm120@1, via: ${bus}${more} }\n`;
  const text = `${HEAD}  more: { type: modbus-rtu, port: header, baud: 9600 }
devices:
${meter('a', 'meters', ', with: { unit: 1 }')}${meter('b', 'meters', ', with: { unit: 2 }')}${meter('c', 'more')}${meter('d', 'meters', ', with: { unit: 3 }, enabled: false')}`;
  const said = (bus: string, runs: string) =>
    `C128 eastron-sdm120 leaves the factory with 2400 8N1, and \`${bus}\` runs with ${runs}: ` +
    `set the device to ${runs}, or the bus to 2400 8N1 if all its devices are: until then it does not answer`;
  expect(await told(text, {}, 'note')).toEqual([
    `${said('meters', '2400 8E1')}; this is so for all of these: a, b`,
    said('more', '9600 8N1'),
  ]);
});

it.each(['\u200b', '\u00ad', '\u2060'])('a character that nobody can see is deleted: %j', async (character) => {
  const text = `${HEAD}devices:\n  first:\n    board: sht31@1\n    ${character}via: i2c1\n`;
  const code = `U+${character.charCodeAt(0).toString(16).toUpperCase().padStart(4, '0')}`;
  expect(await told(text)).toEqual([
    `C015 a ${code} stands here, which nobody can see: ` +
      'it came with a text that was copied: delete it and type nothing in its place; or type this word anew',
  ]);
});

it('`<<` stands once in a block', async () => {
  const text = `${HEAD}devices:
  first: &a { ${METER}, with: { unit: 1 } }
  second: &b { ${METER}, with: { unit: 2 } }
  third:
    <<: *a
    <<: *b
    with: { unit: 3 }
`;
  expect(await told(text)).toEqual([
    'C012 `<<` stands twice in this block: it is first on line 12: write both in one, `<<: [*a, *b]`; of what both say the first counts',
  ]);
  expect(await told(text.replace('    <<: *a\n    <<: *b\n', '    <<: [*a, *b]\n'))).toEqual([]);
});
