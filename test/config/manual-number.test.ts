import { describe, expect, it } from 'vitest';
import { textOf } from '../../cli/messages/catalogue.ts';
import { en } from '../../cli/messages/en.ts';
import { checkBoardDocument } from '../../config/board-library.ts';
import { parseYaml } from '../../config/yaml-document.ts';

describe('a number of a manual', () => {
  const notes = async (register: string) => {
    const board = `schema: board/v1
id: own
version: 1.0.0
label: Own
needs: modbus
driver: modbus-map
with: { unit: { type: modbus_unit, default: 1 } }
readings: { volts: { quantity: voltage, unit: V, ${register} } }
`;
    const { problems } = checkBoardDocument(parseYaml('own.board.yaml', board));
    return problems.map(({ code, parameters }) => {
      const { what, hints } = textOf(en, code, parameters);
      return `${code} ${what}: ${hints.join('; ')}`;
    });
  };

  // Modicon's numbering, as in Modbus Application Protocol V1.1b3 §4.4: the number of a data item is its address plus one.
  it.each([
    ['at: 40001, read_with: holding', ['9c41 on the wire', 'if the manual counts from 40001, write 0']],
    ['at: 49999, read_with: holding', ['c34f on the wire', 'if the manual counts from 40001, write 9998']],
    [
      'at: 40001, read_with: input',
      [
        '9c41 on the wire',
        'if the manual counts from 40001, write 0',
        'what it counts from 40001 is read with `read_with: holding`',
      ],
    ],
    ['at: 30013', ['753d on the wire', 'if the manual counts from 30001, write 12']],
    ['at: 40000, read_with: holding', ['9c40 on the wire']],
    ['at: 10001, read_with: discrete', ['2711 on the wire', 'if the manual counts from 10001, write 0']],
  ])('%s', async (register, hints) => {
    const at = /[0-9]+/.exec(register)?.[0];
    expect(await notes(register)).toEqual([
      `C129 ${at} looks like a number of a manual: it is used as it stands: ${hints.join('; ')}`,
    ]);
  });

  it.each([
    'at: 0x9c42, read_with: holding',
    'at: 10001, read_with: holding',
    'at: 10001, read_with: coil',
    'at: 20000',
    'at: 50000',
  ])('%s is none', async (register) => {
    expect(await notes(register)).toEqual([]);
  });

  it.each([
    ['400001', '; if it is a number of a manual that counts from 400001, write 0'],
    ['465536', '; if it is a number of a manual that counts from 400001, write 65535'],
    ['300013', '; if it is a number of a manual that counts from 300001, write 12'],
    ['100001', '; if it is a number of a manual that counts from 100001, write 0'],
    ['465537', ''],
    ['400000', ''],
    ['65536', ''],
  ])('of six digits: %s', async (at, proposal) => {
    expect(await notes(`at: ${at}`)).toEqual([`C025 \`${at}\` is too large for \`at\`: at most 65535${proposal}`]);
  });
});
