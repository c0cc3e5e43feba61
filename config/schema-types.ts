import { z } from 'zod';
import type { Texts } from './config.ts';
import { DURATION, parseDuration } from './duration.ts';
import { isSecretKey } from './secrets.ts';
import type { Path } from './yaml-tree.ts';

/** Reports a problem with its own code from inside a schema; `at` leads from the value to the part that is wrong. */
export function fail(
  context: z.core.$RefinementCtx,
  code: string,
  parameters: Readonly<Record<string, unknown>> = {},
  at: Path = [],
): void {
  context.addIssue({ code: 'custom', params: { ...parameters, code, at } });
}

/** Reports that not exactly one of several keys is there. */
export function failOne(
  context: z.core.$RefinementCtx,
  choices: readonly string[],
  found: readonly string[],
  example: string,
): void {
  fail(context, 'C044', { case: found.length === 0 ? 'none' : 'several', choices, found, example });
}

// ------------------------------------------------------------------------------------------------------------ quantities

/** `30s`, `1h30min` → milliseconds. `check` reports what does not belong there, as it is written. */
function durationThat(check: (ms: number, text: string, context: z.core.$RefinementCtx) => void, isShort = false) {
  return z
    .string()
    .meta({ pattern: DURATION.source, examples: isShort ? ['20ms', '1s'] : ['30s', '5min'] })
    .transform((text, context) => {
      const parsed = parseDuration(text, isShort);
      if (typeof parsed === 'number') {
        check(parsed, text, context);
        return parsed;
      }
      const { code, ...parameters } = parsed;
      fail(context, code, parameters);
      return z.NEVER;
    });
}

export const duration = durationThat(() => {});

/** `duration`, where less than a second is usual. */
export const shortDuration = durationThat(() => {}, true);

const aboveZero = (ms: number, text: string, context: z.core.$RefinementCtx) => {
  if (ms <= 0) fail(context, 'C025', { written: text, bound: 'more', of: 'number', amount: 0 });
};

/** `duration`, but not zero. */
export const period = durationThat(aboveZero);

/** `period`, where less than a second is usual. */
export const shortPeriod = durationThat(aboveZero, true);

/** How long the journal gathers: shorter wears the card for nothing, longer keeps too much in memory only. */
export const syncInterval = durationThat((ms, text, context) => {
  if (ms < 1000) outOf(context, text, 'least', '1s');
  else if (ms > 60_000) outOf(context, text, 'most', '60s');
});

/** The least and the most that an amount may be, as a person writes it. */
interface Bounds {
  readonly least: string;
  readonly most: string;
}

/** A number with one of the units of `factors`, as a number in the unit whose factor is 1; `usual` is that of a number without one. */
function amount(
  factors: Readonly<Record<string, number>>,
  code: string,
  example: string,
  { bounds, usual = '' }: { readonly bounds?: Bounds; readonly usual?: string } = {},
) {
  const units = Object.keys(factors);
  const pattern = new RegExp(`^(-?[0-9]+(?:\\.[0-9]+)?) ?(${units.join('|')})$`);
  const amountOf = (text: string) => {
    const match = pattern.exec(text);
    return match === null ? undefined : Number(match[1]) * (factors[match[2] ?? ''] ?? 1);
  };
  return z
    .string()
    .meta({
      pattern: pattern.source,
      examples: [example],
      // A pattern cannot compare numbers: an editor shows this, and the checker refuses.
      ...(bounds === undefined ? {} : { description: `From ${bounds.least} to ${bounds.most}.` }),
    })
    .transform((text, context) => {
      const value = amountOf(text);
      if (value === undefined)
        fail(context, code, { written: text, example, units, candidates: meantAmount(text, units, usual), ...bounds });
      else if (bounds !== undefined && value < (amountOf(bounds.least) ?? 0)) outOf(context, text, 'least', bounds.least);
      else if (bounds !== undefined && value > (amountOf(bounds.most) ?? 0)) outOf(context, text, 'most', bounds.most);
      else return value;
      return z.NEVER;
    });
}

/**
 * `1 gb` → `1GB`: an amount whose unit is written in letters of another size. Empty where two units would be meant.
 *
 * @param usual the unit of a number that has none; empty where nobody can tell
 */
export function meantAmount(text: string, units: readonly string[], usual = ''): string[] {
  const [, number = '', written = ''] = /^(-?[0-9]+(?:[.,][0-9]+)?) *([a-z]*)$/i.exec(text.trim()) ?? [];
  const word = written === '' && Number(number) !== 0 ? usual : written;
  if (number === '' || word === '') return [];
  const meant = units.filter((unit) => unit.toLowerCase() === word.toLowerCase());
  return meant.length === 1 ? [`${number.replace(',', '.')}${meant[0]}`] : [];
}

function outOf(context: z.core.$RefinementCtx, written: string, bound: keyof Bounds, amount: string): void {
  fail(context, 'C025', { written, bound, of: 'number', amount });
}

const KIB = 1024;

/**
 * `1GiB` → bytes, of a store on the disk. Slots and the smallest files take some hundred KiB, so less than a MiB cannot be
 * kept; more than a PiB is no disk of a gateway, and sums of bytes stay exact.
 */
export const size = amount(
  { kB: 1000, KiB: KIB, MB: 1_000_000, MiB: KIB * KIB, GB: 1_000_000_000, GiB: KIB * KIB * KIB, TiB: KIB * KIB * KIB * KIB },
  'C036',
  '1GiB',
  { bounds: { least: '1MiB', most: '1024TiB' } },
).transform(Math.floor);

/** `2.5m` → metres. */
export const metres = amount({ mm: 0.001, cm: 0.01, km: 1000, m: 1 }, 'C039', '2.5m', { usual: 'm' });

/** `100kHz` → hertz. */
export const frequency = amount({ Hz: 1, kHz: 1000, MHz: 1_000_000 }, 'C039', '100kHz');

/** `06:30` → the same with two digits an hour. Without quotes it is text too: YAML 1.2 has no numbers of base 60. */
export const timeOfDay = z
  .string()
  .meta({ pattern: '^([01]?[0-9]|2[0-3]):[0-5][0-9]$', examples: ['06:30'] })
  .transform((text, context) => {
    if (/^(?:[01]?[0-9]|2[0-3]):[0-5][0-9]$/.test(text)) return text.padStart(5, '0');
    fail(context, 'C037', { written: text });
    return z.NEVER;
  });

// ------------------------------------------------------------------------------------------------------------------ text

export const text = z.string();

/** One text, or one per language. */
export const texts = z
  .union([
    z.string(),
    z.strictObject({
      ca: text.optional().describe('In Catalan.'),
      es: text.optional().describe('In Spanish.'),
      en: text.optional().describe('In English.'),
    }),
  ])
  .transform((value): Texts => (typeof value === 'string' ? { '*': value } : (value as Texts)));

/** Ids of devices, buses, readings and outputs. No hyphen, so that `<component>-<device>-<reading>` is unambiguous. */
const ID = /^[a-z][a-z0-9_]*$/;

/** Whether a text can be an id. */
export function isId(name: string): boolean {
  return ID.test(name);
}

/** Longer names are no ids, and a gateway's has at most so many characters. */
const NAME_MAX = 40;

/** Ids of boards and gateways. */
const DASHED_ID = /^[a-z0-9][a-z0-9-]*$/;

/** A reference such as `bme280@1`: the id and the major of the version. */
export const BOARD_REFERENCE = new RegExp(`^(${DASHED_ID.source.slice(1, -1)})@([0-9]+)$`);

/** The id that a name is nearest to: `Balcó 1` → `balco_1`. Empty where nothing of it can be one. */
export function meantId(name: string, separator: '_' | '-'): string[] {
  // What is written as a key can hold a secret, which nobody would find again in other letters to hide it.
  if (name.split(/[^\p{L}\p{N}_-]+/u).some(isSecretKey)) return [];
  const plain = name.slice(0, NAME_MAX).normalize('NFD').replaceAll(/\p{M}/gu, '').toLowerCase();
  const id = plain.replaceAll(/[^a-z0-9]+/g, separator).replaceAll(/^[_-]+|[_-]+$/g, '');
  return (separator === '_' ? ID : DASHED_ID).test(id) ? [id] : [];
}

/** What Sentilo allows in the id of a sensor or component. */
export const CITY_ID = /^[0-9a-zA-Z_-]+$/;

/** An id may look like a number to YAML; it is the text that is written. */
const idTypes: { type: ['string', 'number'] } = { type: ['string', 'number'] };
export const dashedId = z.string().max(NAME_MAX).regex(DASHED_ID, 'C041').meta(idTypes);
/** What it allows in the id of a provider or an application: in a city of several tenants it begins with the tenant's. */
const CITY_OWNER_ID = /^(?:[0-9a-zA-Z_-]+@)?[0-9a-zA-Z_-]+$/;
export const cityOwnerId = z.string().regex(CITY_OWNER_ID, 'C180').meta(idTypes);
export const cityId = z.string().regex(CITY_ID, 'C042').meta(idTypes);

/** How a serial line is set; YAML reads some of these as numbers (8E1 is 80), which editors must accept too. */
const FORMATS = ['8N1', '8N2', '8E1', '8E2', '8O1', '8O2', '7E1', '7E2', '7O1', '7O2', '7N2'] as const;
export const serialFormat = z.enum(FORMATS).meta({ type: ['string', 'number'], enum: [...FORMATS, 80, 800, 70, 700] });

/** Those of Linux (asm-generic/termbits.h), and others that devices are sold with. */
const BAUD_RATES = [
  300, 600, 1200, 1800, 2400, 4800, 7200, 9600, 10_400, 14_400, 19_200, 25_000, 28_800, 31_250, 38_400, 50_000, 56_000, 57_600,
  62_500, 74_880, 76_800, 100_000, 115_200, 125_000, 128_000, 153_600, 200_000, 230_400, 250_000, 256_000, 400_000, 460_800,
  500_000, 576_000, 750_000, 921_600, 1_000_000, 1_152_000, 1_500_000, 2_000_000, 2_500_000, 3_000_000, 3_500_000, 4_000_000,
];
/** Receivers take a rate that is off by 2 % (Modbus over serial line V1.02 §3.2): nobody sells one so close beside a usual one. */
const BAUD_NEAR = 0.03;
/** What most devices run at, of which a digit too few or too many is a mistake. */
const BAUD_COMMON = [1200, 2400, 4800, 9600, 19_200, 38_400, 57_600, 115_200];

/** A rate that is hardly another one than a usual one, or is a common one with a digit too few or too many, was mistyped. */
export const baud = z
  .int()
  .min(300)
  .max(4_000_000)
  .superRefine((rate, context) => {
    if (BAUD_RATES.includes(rate)) return;
    const candidates = [
      ...BAUD_RATES.filter((usual) => Math.abs(usual / rate - 1) < BAUD_NEAR),
      ...BAUD_COMMON.filter((common) => common === rate * 10 || common === Math.floor(rate / 10)),
    ];
    if (candidates.length > 0) fail(context, 'C157', { rate, candidates: [...new Set(candidates)].map(String) });
  });

/** The name of a secret, never the secret. Also a file name, so nothing that leads out of a folder. */
const SECRET_NAME = /^[a-z][a-z0-9_]{0,63}$/;
export const secret = z.strictObject(
  {
    secret: z
      .string('C051')
      .regex(SECRET_NAME, 'C051')
      .describe('The name of the secret, never the secret itself: it stands in the file secrets/NAME beside the site file.'),
  },
  { error: (issue) => (issue.code === 'invalid_type' ? 'C050' : undefined) },
);

/** What a value is multiplied by: with zero every value would be the same. */
export const scale = z.number().superRefine((factor, context) => {
  if (factor === 0) fail(context, 'C025', { written: '0', bound: 'zero', of: 'number', amount: 0 });
});

/** The lower limit first. */
export const range = z
  .tuple([z.number(), z.number()])
  .meta({ examples: [[0, 100]] })
  .superRefine(([low, high], context) => {
    if (low >= high) fail(context, 'C043', { low, high });
  });

// ---------------------------------------------------------------------------------------------------------------- blocks

const note = texts.optional().describe('A remark for people; nothing acts on it.');

/** A map with exactly these keys; `note` is allowed in every map. */
export function block<S extends z.core.$ZodLooseShape>(shape: S) {
  return z.strictObject({ ...shape, note });
}

/**
 * A map whose keys are ids chosen by the writer; `note` among them is a note. Its value is a plain object in the order
 * of the file.
 */
export function mapOf<T extends z.ZodType>(value: T, pattern: RegExp = ID, code = 'C026') {
  return z
    .object({ note })
    .catchall(value)
    .meta({ propertyNames: { pattern: pattern.source } })
    .transform((entries, context) => {
      const { note: _note, ...rest } = entries;
      for (const key of Object.keys(rest))
        if (!pattern.test(key)) fail(context, code, { key, candidates: meantId(key, '_') }, [key]);
      return rest as Record<string, z.output<T>>;
    });
}

/** Pairs of raw and true value, for straight lines between them; one raw value has one true value. */
export const points = z
  .array(z.tuple([z.number(), z.number()]).meta({ examples: [[2.71, 0]] }))
  .meta({ minItems: 2 })
  .superRefine((pairs, context) => {
    if (pairs.length < 2) fail(context, 'C046', { kind: 'points', amount: 2 });
    if (new Set(pairs.map(([raw]) => raw)).size < pairs.length) fail(context, 'C048');
  });
