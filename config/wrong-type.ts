import { z } from 'zod';
import { closest } from './closest.ts';
import type { ProblemParameters } from './problem.ts';
import { wrongNumber } from './wrong-number.ts';
import { ODD_SPACES, oddSpaceParameters } from './yaml-limits.ts';
import type { Path, YamlNode } from './yaml-tree.ts';

/** What YAML 1.1 takes for true and false, and people still write. */
const BOOLEAN_WORDS: ReadonlyMap<string, boolean> = new Map([
  ['yes', true],
  ['on', true],
  ['y', true],
  ['no', false],
  ['off', false],
  ['n', false],
]);

/** What people write for `on` and `off` of an output, beside the words above. Open and closed are both, of a valve and of a switch. */
const SWITCH_WORDS: ReadonlyMap<string, boolean> = new Map([
  ['true', true],
  ['1', true],
  ['si', true],
  ['sí', true],
  ['encendido', true],
  ['encès', true],
  ['false', false],
  ['0', false],
  ['apagado', false],
  ['apagat', false],
]);

/** In the languages of the texts, too. */
const OPEN: readonly string[] = ['open', 'opened', 'obert', 'oberta', 'abierto', 'abierta'];
const CLOSED: readonly string[] = ['closed', 'close', 'shut', 'tancat', 'tancada', 'cerrado', 'cerrada'];

const KEY_AND_ODD_SPACE = new RegExp(`^[\\w-]+: *${ODD_SPACES.source}`);

const KINDS: Readonly<Record<string, string>> = {
  string: 'text',
  number: 'number',
  int: 'integer',
  boolean: 'boolean',
  object: 'map',
  record: 'map',
  array: 'list',
  tuple: 'list',
};

/** The colon in it is its own. */
const ADDRESS = /^[a-z][a-z\d+.-]*:\/\//i;

/** What people write where a reading shall not be there. */
const OFF = /^(?:off|no|false)$/i;

/** An id as it could stand in a block of ids. */
const IDS: Readonly<Record<string, string>> = {
  buses: 'i2c1',
  rules: 'watering',
  readings: 'temperature',
  simulate: 'temperature',
  outputs: 'switch',
  with: 'address',
  provides: 'relay1',
  alerts: 'leak',
};

/** More examples than this say no more. */
const EXAMPLES_MAX = 2;

/**
 * What would have belonged where something of another type stands, as one text: the keys of a block, or values as they are
 * written. Passed on as zod's message, which is made where the schema is at hand.
 */
export function belonging(inst: z.core.$ZodType | undefined): string {
  const definition = inst?._zod.def as { shape?: object; discriminator?: string } | undefined;
  if (definition?.discriminator !== undefined) return definition.discriminator;
  if (definition?.shape !== undefined) return Object.keys(definition.shape).join(', ');
  const { examples = [] } = (inst && z.globalRegistry.get(inst)) ?? {};
  const written = (examples as readonly unknown[]).map((each) =>
    typeof each === 'string' ? each : JSON.stringify(each).replaceAll(',', ', '),
  );
  return written.slice(0, EXAMPLES_MAX).join(', ');
}

/** The choices that a word was probably meant to be; nearness of letters says little of `no`, where `on` and `off` are all there is. */
export function meantChoices(written: string, choices: readonly string[]): readonly string[] {
  const word = written.trim().toLowerCase();
  const meant = BOOLEAN_WORDS.get(word) ?? SWITCH_WORDS.get(word);
  return isSwitch(choices) && meant !== undefined ? [meant ? 'on' : 'off'] : closest(written, choices);
}

function isSwitch(choices: readonly string[]): boolean {
  return choices.length === 2 && choices.includes('on') && choices.includes('off');
}

/** Of open and closed in place of `on` and `off`: the word, for a message that says which of the two an output takes. */
export function stateOf(written: string, choices: readonly string[]): ProblemParameters {
  const word = written.trim().toLowerCase();
  const state = [OPEN, CLOSED].find((words) => words.includes(word))?.[0];
  return isSwitch(choices) && state !== undefined ? { state } : {};
}

/** The key at the end of a path; for an entry of a list the list's, with its place in it. */
export function keyAt(path: Path): { readonly key: string; readonly entry?: number } {
  const key = path.findLast((part) => typeof part === 'string');
  const index = path.at(-1);
  return { key: String(key ?? ''), ...(typeof index === 'number' ? { entry: index + 1 } : {}) };
}

/** The code and parameters of something that is of another type than what belongs there. */
export function wrongType(node: YamlNode | undefined, wrong: WrongType): [code: string, parameters: ProblemParameters] {
  const { written, expected, path } = wrong;
  const word = BOOLEAN_WORDS.get(written.toLowerCase());
  if (expected.includes('boolean') && node?.source !== undefined && word !== undefined) {
    return ['C027', { written, meant: String(word) }];
  }
  const isQuoted = node?.kind === 'scalar' && typeof node.scalar === 'string' && node.source === undefined;
  if (isQuoted && expected.includes('boolean') && /^(?:true|false)$/.test(written)) return ['C069', { written }];
  const number =
    typeof node?.scalar === 'string' && expected.some((type) => /^(?:number|int)$/.test(type)) ? wrongNumber(written) : undefined;
  if (number) return [number.code, number.parameters];
  // `id:` and a non-breaking space are one text to YAML, where a block of keys belongs.
  if (expected.includes('object') && KEY_AND_ODD_SPACE.test(written)) return ['C015', oddSpaceParameters(written)];
  const found = node?.kind === 'scalar' ? (KINDS[typeof node.scalar] ?? 'text') : (node?.kind ?? 'text');
  const kinds = [...new Set(expected.map((type) => KINDS[type] ?? 'text'))];
  const what = path.length === 0 ? 'file' : mismatch(kinds, found);
  const named = keyAt(path);
  return ['C023', { written, found, expected: kinds, case: what, ...named, ...remedy(what, named.key, wrong) }];
}

interface WrongType {
  readonly written: string;
  /** As zod names types. */
  readonly expected: readonly string[];
  readonly path: Path;
  /** See belonging(). */
  readonly fitting: string;
}

/** Which of two things were exchanged: a value, a list or a block of keys. */
function mismatch(expected: readonly string[], found: string): string {
  const wanted = expected.every((kind) => kind === 'map') ? 'map' : expected.every((kind) => kind === 'list') ? 'list' : 'value';
  return wanted === 'value' && found !== 'list' && found !== 'map'
    ? 'value'
    : `${found === 'list' || found === 'map' ? found : 'value'}-for-${wanted}`;
}

/** What a person can write instead: keys that are known, ids of one's own, or a value. */
function remedy(what: string, key: string, { written, fitting }: WrongType): ProblemParameters {
  if (!what.endsWith('-for-map')) return { examples: fitting, brackets: fitting === '' ? written : '' };
  // Maps of one's own ids know no key but the note.
  const isOwn = fitting === '' || fitting === 'note';
  const isOff = OFF.test(written) && fitting.startsWith('enabled');
  return {
    colon: ADDRESS.test(written) ? '' : (/^([a-z_]+):(?=\S)/.exec(written)?.[1] ?? ''),
    address: ADDRESS.test(written) && fitting.split(', ').includes('url') ? 'url' : '',
    off: isOff ? `${key}: { enabled: false }` : '',
    ...(isOwn ? { ids: IDS[key] ?? 'air' } : { keys: fitting }),
  };
}
