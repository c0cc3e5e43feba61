import { closest, listed } from './closest.ts';
import type { Plugged, Site } from './site.ts';
import type { Path } from './yaml-tree.ts';

/**
 * Checks every name that the site file uses for something of its own: readings and outputs under a device must be the
 * board's, and rules, `never_with`, `expect` and `follows` must lead to a reading or output that exists.
 *
 * @param broken devices whose board is unknown: what they would have cannot be told
 */
export function checkReferences(site: Site, devices: ReadonlyMap<string, Plugged>, broken: ReadonlySet<string>): void {
  const namesOf = (block: 'readings' | 'outputs') =>
    new Set([...devices.values()].flatMap(({ id, board }) => Object.keys(board[block] ?? {}).map((each) => `${id}.${each}`)));
  const all = { reading: namesOf('readings'), output: namesOf('outputs') };
  for (const { id, entry, board } of devices.values()) {
    const base = ['devices', id];
    const known = { readings: Object.keys(board.readings ?? {}), outputs: Object.keys(board.outputs ?? {}) };
    for (const [block, code, names] of [
      ['readings', 'C120', Object.keys(entry.readings ?? {})],
      ['outputs', 'C127', Object.keys(entry.outputs ?? {})],
      ['simulate', 'C120', Object.keys(entry.simulate ?? {})],
    ] as const) {
      const has = block === 'outputs' ? known.outputs : known.readings;
      for (const name of names) {
        if (has.includes(name)) continue;
        const output = block !== 'outputs' && known.outputs.includes(name) ? name : '';
        const bare = has.length === 0 ? board.id : '';
        const parameters = { board: board.id, reading: name, candidates: closest(name, has), known: has, output, bare };
        site.report(code, [...base, block, name], parameters);
      }
    }
    for (const [name, output] of Object.entries(entry.outputs ?? {})) {
      for (const [index, other] of (output.never_with ?? []).entries()) {
        mustExist('output', other, [...base, 'outputs', name, 'never_with', index]);
      }
      if (output.expect) mustExist('reading', output.expect.reading, [...base, 'outputs', name, 'expect', 'reading']);
    }
    for (const [name, signal] of Object.entries(entry.simulate ?? {})) {
      if (signal.type === 'follows') mustExist('output', signal.output, [...base, 'simulate', name, 'follows']);
    }
  }
  for (const [id, rule] of Object.entries(site.file.rules ?? {})) {
    const base = ['rules', id];
    if (rule.when) mustExist('reading', rule.when.reading, [...base, 'when', 'reading']);
    for (const [index, name] of (rule.when?.and_outputs_off ?? []).entries()) {
      mustExist('output', name, [...base, 'when', 'and_outputs_off', index]);
    }
    for (const [index, { reading }] of (rule.only_if ?? []).entries()) {
      mustExist('reading', reading, [...base, 'only_if', index, 'reading']);
    }
    if (rule.do.output !== undefined) mustExist('output', rule.do.output, [...base, 'do', 'output']);
  }

  function mustExist(kind: 'reading' | 'output', name: string, path: Path): void {
    const [device = '', part = ''] = name.split('.');
    if (broken.has(device)) return;
    if (part !== '' && all[kind].has(name)) return;
    const candidates = closest(name, all[kind]);
    const known = candidates.length === 0 ? listed([...all[kind]]) : [];
    const isOther = all[kind === 'reading' ? 'output' : 'reading'].has(name);
    site.report('C139', path, { kind, name, other: isOther ? name : '', candidates, known });
  }
}
