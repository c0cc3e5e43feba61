// Every boundary of the house is proven by a violation of it: a small tree of such files, linted once with the house's
// own biome.json and plugins. (Linting from stdin proves nothing: Biome 2.6.8 fails there for a clean file too.)

import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const ROOT = join(import.meta.dirname, '../..');

const ONE_WAY = 'lint/style/noRestrictedImports: Imports go one way';
const NODE_MODULE = 'lint/style/noRestrictedImports: The world comes in through Host';
const PURE_ZLIB = 'lint/style/noRestrictedImports: Only what is synchronous';
const PURE_CRYPTO = 'lint/style/noRestrictedImports: Only hashes';
const MODEL_APART = 'lint/style/noRestrictedImports: A device model is written from the data sheet alone';
const SIMULATED_APART = 'lint/style/noRestrictedImports: What is simulated shares no code with what it tests';
const NO_PROTOCOL = 'lint/style/useNodejsImportProtocol: ';
const GLOBAL = 'lint/style/noRestrictedGlobals: Do not use the global variable ';
const CIRCLE = 'lint/suspicious/noImportCycles: ';
const FLOATING = 'lint/nursery/noFloatingPromises: ';
const UNDECLARED = 'lint/correctness/noUndeclaredDependencies: ';
const VOID = 'lint/complexity/noVoid: ';
const EVAL = 'lint/security/noGlobalEval: ';
const MATH = 'plugin: Only what is exact and the same on every Node';
const DEADLINE = 'plugin: Deadlines come from host.clock';
const PRESENT = 'plugin: Without an argument it formats the present';
const POWER = 'plugin: Powers differ';
const EXIT = 'plugin: Only cli/main.ts ends the process';
const HEAVY = 'plugin: Load heavy and native packages';
const HIDDEN_IMPORT = 'plugin: Write import type';
const PROCESS_IMPORT = 'plugin: Use the global process';
const CODE = 'plugin: Code made from text escapes every rule';
const COMPUTED_IMPORT = 'plugin: Import a name that is written out';

interface Plant {
  readonly says: string;
  readonly file: string;
  readonly source: string;
  /** How each finding begins, in the order of the file; none for a control. */
  readonly findings: readonly string[];
}

function plant(says: string, file: string, source: string, ...findings: string[]): Plant {
  return { says, file, source, findings };
}

const LAYERS = ['drivers', 'config', 'gateway', 'simulator', 'cli'];

/** Every pair of layers, the left one importing from the right one. */
const LAYER_PLANTS = LAYERS.flatMap((left, position) =>
  [...LAYERS.slice(position + 1), 'test'].map((right) =>
    plant(
      `${left} sees ${right}`,
      `${left}/sees-${right}.ts`,
      `import { thing } from '../${right}/thing.ts';\nexport const copy = thing;`,
      left === 'cli' ? 'lint/style/noRestrictedImports: Nothing that is shipped sees the tests' : ONE_WAY,
    ),
  ),
);

const IMPORT_PLANTS = [
  plant(
    'a type-only import',
    'drivers/a1.ts',
    `import type { Host } from '../gateway/host.ts';\nexport type Copy = Host;`,
    ONE_WAY,
  ),
  plant('a re-export', 'config/a2.ts', `export { thing } from '../gateway/thing.ts';`, ONE_WAY),
  plant('a dynamic import', 'gateway/a3.ts', `export const late = () => import('../simulator/thing.ts');`, ONE_WAY),
  plant('a deep import', 'drivers/bus/a4.ts', `export * from '../../gateway/journal/journal.ts';`, ONE_WAY),
  plant('an import in a type', 'drivers/a5.ts', `export type Copy = import('../gateway/host.ts').Host;`, HIDDEN_IMPORT),
  plant('a computed import', 'gateway/a6.ts', 'export const late = (path: string) => import(path);', COMPUTED_IMPORT),
  plant('a model with its decoder', 'simulator/devices/b1.ts', `export { decode } from '../../drivers/b1.ts';`, MODEL_APART),
  plant('a model with another model', 'simulator/devices/b2.ts', `export { answer } from './b1.ts';`, MODEL_APART),
  plant('a model with the gateway', 'simulator/devices/b3.ts', `export { round } from '../../gateway/decimal.ts';`, MODEL_APART),
  plant(
    'a model with a real bus',
    'simulator/devices/b4.ts',
    `export { open } from '../../drivers/bus/linux-i2c.ts';`,
    MODEL_APART,
  ),
  plant(
    'a model with a decoder by way of the simulator',
    'simulator/b7.ts',
    `export { decode } from '../drivers/registers.ts';`,
    SIMULATED_APART,
  ),
  plant(
    'a model with a decoder by way of the configuration',
    'simulator/devices/b8.ts',
    `export { decode } from '../../config/b8.ts';`,
    MODEL_APART,
  ),
  plant('a decoder behind a simulated wire', 'simulator/wire/b9.ts', `export * from '../../drivers/crc8.ts';`, SIMULATED_APART),
  plant('a decoder of a bus', 'simulator/bus/b10.ts', `export * from '../../drivers/bus/modbus-frame.ts';`, SIMULATED_APART),
  plant(
    'the city with the uplink',
    'simulator/sentilo/b5.ts',
    `export * from '../../gateway/uplink/answer.ts';`,
    SIMULATED_APART,
  ),
  plant(
    'the city with the uplink by way of the simulator',
    'simulator/b11.ts',
    `export * from '../gateway/uplink/answer.ts';`,
    SIMULATED_APART,
  ),
  plant(
    'the city with the value texts of the gateway',
    'simulator/sentilo/b12.ts',
    `export { valueText } from '../../gateway/decimal.ts';`,
    SIMULATED_APART,
  ),
  plant('the gateway elsewhere than in the run', 'simulator/b13.ts', `export * from '../gateway/gateway.ts';`, SIMULATED_APART),
  plant(
    'the run with the gateway but not its uplink',
    'simulator/run.ts',
    `export * from '../gateway/gateway.ts';\nexport * from '../gateway/modules.ts';\nexport * from '../gateway/uplink/answer.ts';`,
    SIMULATED_APART,
  ),
  plant(
    'a model with the vocabulary',
    'simulator/devices/b6.ts',
    `import type { I2cBus } from '../../drivers/bus/i2c.ts';\nimport type { Reading } from '../../drivers/reading.ts';\nimport type { I2cModel } from './model.ts';\nexport type All = [I2cBus, I2cModel, Reading];`,
  ),
  plant(
    'a heavy package at once',
    'drivers/bus/c1.ts',
    `import { SerialPort } from 'serialport';\nexport const kind = SerialPort;`,
    HEAVY,
  ),
  plant('its side effects', 'drivers/bus/c2.ts', `import 'serialport';`, HEAVY),
  plant('a heavy package late', 'drivers/bus/c3.ts', `export const late = async () => (await import('serialport')).SerialPort;`),
  plant('a package for development', 'gateway/c4.ts', `export { expect } from 'vitest';`, UNDECLARED),
];

const WORLD_PLANTS = [
  plant('node:fs', 'gateway/d1.ts', `export { openSync } from 'node:fs';`, NODE_MODULE),
  plant('node:fs/promises', 'gateway/d2.ts', `export { open } from 'node:fs/promises';`, NODE_MODULE),
  plant('node:timers/promises', 'config/d3.ts', `export { setTimeout } from 'node:timers/promises';`, NODE_MODULE),
  plant('a module without node:', 'drivers/d4.ts', `export { openSync } from 'fs';`, NO_PROTOCOL),
  plant('node:net by import()', 'simulator/d5.ts', `export const late = () => import('node:net');`, NODE_MODULE),
  plant('asynchronous zlib', 'gateway/d6.ts', `export { deflateRaw } from 'node:zlib';`, PURE_ZLIB),
  plant('all of zlib', 'gateway/d7.ts', `import * as zlib from 'node:zlib';\nexport const deflate = zlib.deflateRaw;`, PURE_ZLIB),
  plant('random bytes', 'gateway/d8.ts', `export { randomBytes } from 'node:crypto';`, PURE_CRYPTO),
  plant(
    'pure modules',
    'gateway/d9.ts',
    `export { createHash } from 'node:crypto';\nexport { join } from 'node:path';\nexport { crc32 } from 'node:zlib';`,
  ),
  plant('Date', 'gateway/e1.ts', 'export const now = Date.now();', `${GLOBAL}Date`),
  plant('Date as a type', 'gateway/e2.ts', 'export type Moment = Date;', `${GLOBAL}Date`),
  plant('globalThis.Date', 'gateway/e3.ts', 'export const now = globalThis.Date.now();', `${GLOBAL}globalThis`),
  plant('setTimeout', 'drivers/e4.ts', 'export const later = setTimeout;', `${GLOBAL}setTimeout`),
  plant('setInterval', 'drivers/e5.ts', 'export const often = setInterval;', `${GLOBAL}setInterval`),
  plant('setImmediate', 'simulator/e6.ts', 'export const soon = setImmediate;', `${GLOBAL}setImmediate`),
  plant('performance', 'simulator/e7.ts', 'export const now = performance.now();', `${GLOBAL}performance`),
  plant('process', 'config/e8.ts', 'export const home = process.env;', `${GLOBAL}process`),
  plant('fetch', 'gateway/e9.ts', 'export const get = fetch;', `${GLOBAL}fetch`),
  plant('crypto', 'gateway/e10.ts', 'export const id = crypto.randomUUID();', `${GLOBAL}crypto`),
  plant('console', 'gateway/e11.ts', `console.log('x');`, `${GLOBAL}console`),
  plant('Math.random', 'gateway/f1.ts', 'export const chance = Math.random();', MATH),
  plant('Math.random without a call', 'gateway/f2.ts', 'export const chance = Math.random;', MATH),
  plant('random out of Math', 'gateway/f3.ts', 'export const { random } = Math;', MATH),
  plant('Math?.random', 'gateway/f9.ts', 'export const chance = Math?.random();', MATH),
  plant('Math[`random`]', 'gateway/f10.ts', 'export const chance = Math[`random`]();', MATH),
  plant('Math by another name', 'gateway/f11.ts', 'const M = Math;\nexport const chance = M.random();', MATH),
  plant('Math given away', 'gateway/f12.ts', 'export const chance = [Math].map((all) => all.random());', MATH),
  plant('AbortSignal.timeout', 'gateway/f4.ts', 'export const signal = AbortSignal.timeout(5);', DEADLINE),
  plant('AbortSignal by another name', 'gateway/f13.ts', 'export const A = AbortSignal;', DEADLINE),
  plant('the present through Intl', 'gateway/f14.ts', `export const now = new Intl.DateTimeFormat('en').format();`, PRESENT),
  plant('its parts', 'gateway/f15.ts', `export const now = new Intl.DateTimeFormat('en')?.formatToParts();`, PRESENT),
  plant('a given moment through Intl', 'gateway/f16.ts', `export const text = new Intl.DateTimeFormat('en').format(0);`),
  plant(
    'Atomics.wait',
    'gateway/f17.ts',
    'export const wait = (cell: Int32Array) => Atomics.wait(cell, 0, 0, 5);',
    `${GLOBAL}Atomics`,
  ),
  plant('new Function', 'gateway/f18.ts', `export const now = new Function('return Date.now()');`, CODE),
  plant('eval', 'gateway/f19.ts', `export const now = eval('Date.now()');`, EVAL),
  plant('**', 'simulator/f5.ts', 'export const big = 2 ** 32;', POWER),
  plant('**=', 'simulator/f6.ts', 'let big = 2;\nbig **= 32;\nexport { big };', POWER),
  plant('Math.pow', 'drivers/f7.ts', 'export const big = Math.pow(2, 32);', MATH),
  plant('process.exit in a command', 'cli/f8.ts', 'process.exit(1);', EXIT),
  plant(`process['exit']`, 'cli/f20.ts', `process['exit'](1);`, EXIT),
  plant('process?.exit', 'cli/f21.ts', 'process?.exit(1);', EXIT),
  plant('exit out of process', 'cli/f22.ts', 'export const { exit } = process;', EXIT),
  plant(
    'exit out of node:process',
    'cli/f23.ts',
    `import { exit } from 'node:process';\nexport const end = exit;`,
    PROCESS_IMPORT,
  ),
  plant('what a command needs of the process', 'cli/f24.ts', 'export const home = process.env;\nprocess.exitCode = 1;'),
];

/** A file that is exempted from one rule keeps the others. */
const EXEMPTED_PLANTS = [
  plant(
    'the real host',
    'gateway/real-host.ts',
    `import { open } from 'node:fs';\nexport const all = [open, Date.now(), Math.random(), setTimeout, process.pid];`,
  ),
  plant(
    'the simulator in an exempted file',
    'drivers/bus/linux-g1.ts',
    `import 'node:net';\nexport { thing } from '../../simulator/thing.ts';`,
    ONE_WAY,
  ),
  plant('chance in an exempted file', 'simulator/wire/g2.ts', `import 'node:net';\nexport const chance = Math.random();`, MATH),
  plant(
    'a command in an exempted file',
    'simulator/wire/g3.ts',
    `import 'node:net';\nexport { run } from '../../cli/run.ts';`,
    ONE_WAY,
  ),
  plant('an exit in an exempted file', 'drivers/bus/linux-g4.ts', 'export const stop = () => process.exit(1);', EXIT),
  plant('a power in an exempted file', 'cli/g5.ts', 'export const big = Date.now() ** 2;', POWER),
  plant('a promise let go in an exempted file', 'cli/main.ts', `const work = async () => process.exit(1);\nwork();`, FLOATING),
  plant('the place for powers', 'gateway/decimal.ts', 'export const big = 2 ** 32 + Date.now();', `${GLOBAL}Date`),
];

const OTHER_PLANTS = [
  plant('a circle of types', 'gateway/circle-1.ts', `import type { Two } from './circle-2.ts';\nexport type One = Two;`, CIRCLE),
  plant('its other half', 'gateway/circle-2.ts', `import type { One } from './circle-1.ts';\nexport type Two = One[];`, CIRCLE),
  plant('a promise let go', 'gateway/h1.ts', 'const work = async () => {};\nwork();', FLOATING),
  plant('a promise let go with void', 'cli/h5.ts', 'const work = async () => {};\nvoid work();', VOID),
  plant(
    'one test alone',
    'test/h2.test.ts',
    `import { it } from 'vitest';\nit.only('x', () => {});`,
    'lint/suspicious/noFocusedTests: ',
  ),
  plant(
    'a test left out',
    'test/h3.test.ts',
    `import { it } from 'vitest';\nit.skip('x', () => {});`,
    'lint/suspicious/noSkippedTests: ',
  ),
  plant(
    'clean files',
    'gateway/h4.ts',
    `import type { Clock } from '../drivers/clock.ts';\nexport const later = (clock: Clock) => clock.monotonicMs() + Math.max(1, 2);`,
  ),
];

const PLANTS = [...LAYER_PLANTS, ...IMPORT_PLANTS, ...WORLD_PLANTS, ...EXEMPTED_PLANTS, ...OTHER_PLANTS];

interface Report {
  readonly diagnostics: readonly {
    readonly category: string;
    readonly message: string;
    readonly location: { readonly path: string };
  }[];
}

describe('the linter', () => {
  const folder = mkdtempSync(join(tmpdir(), 'barri-planted-'));
  const findings = new Map<string, string[]>();
  let status: number | null = null;

  beforeAll(() => {
    for (const name of ['biome.json', 'lint', 'package.json', '.gitignore']) {
      cpSync(join(ROOT, name), join(folder, name), { recursive: true });
    }
    for (const { file, source } of PLANTS) {
      mkdirSync(dirname(join(folder, file)), { recursive: true });
      writeFileSync(join(folder, file), `${source}\n`);
    }
    const biome = join(ROOT, 'node_modules/@biomejs/biome/bin/biome');
    const run = spawnSync(process.execPath, [biome, 'lint', '--reporter=json', '--max-diagnostics=none'], {
      cwd: folder,
      encoding: 'utf8',
    });
    status = run.status;
    for (const { category, message, location } of (JSON.parse(run.stdout) as Report).diagnostics) {
      findings.set(location.path, [...(findings.get(location.path) ?? []), `${category}: ${message}`]);
    }
  });

  afterAll(() => rmSync(folder, { recursive: true }));

  it('fails', () => {
    expect(status).toBe(1);
  });

  it.each(PLANTS.filter((each) => each.findings.length > 0))('refuses $says ($file)', ({ file, findings: expected }) => {
    const found = findings.get(file) ?? [];
    expect(found.map((text, index) => text.slice(0, expected[index]?.length))).toEqual(expected);
  });

  it.each(PLANTS.filter((each) => each.findings.length === 0))('accepts $says ($file)', ({ file }) => {
    expect(findings.get(file)).toBeUndefined();
  });
});
