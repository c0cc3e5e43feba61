import { rmSync } from 'node:fs';
import type { Row } from '../row.ts';
import type { AppendOptions, ContenderName, Span } from './append-run.ts';
import { newFolder, type Setting } from './setting.ts';
import type { ValueKind } from './stream.ts';
import { runWorker } from './workers.ts';

const PER_COMMIT = 200;
const WARM_COMMITS = 10;
/** Enough to go through the slots twice. */
const COMMITS = 2_000;

interface Kind {
  readonly says: string;
  readonly valueKind: ValueKind;
  readonly hasFractions: boolean;
  /** Performance reference, section 8; for decimals the issue as well. */
  readonly goal?: number;
}

const KINDS: readonly Kind[] = [
  { says: 'decimals', valueKind: 'decimal', hasFractions: false, goal: 2 },
  { says: 'decimals stamped with fractions of a ms', valueKind: 'decimal', hasFractions: true },
  { says: 'float32', valueKind: 'float32', hasFractions: false, goal: 5 },
  { says: 'float64', valueKind: 'float64', hasFractions: false, goal: 9 },
  { says: 'counters', valueKind: 'counter', hasFractions: false, goal: 1.2 },
];

/** How much of the disk a reading takes that is sealed. */
export async function benchDensity(setting: Setting): Promise<Row[]> {
  setting.say('sealing five kinds of values');
  const rows: Row[] = [];
  for (const { says, valueKind, hasFractions, goal } of KINDS) {
    const [journal, sqlite] = [
      await densityOf(setting, 'journal', valueKind, hasFractions),
      await densityOf(setting, 'SQLite FULL', valueKind, hasFractions),
    ];
    rows.push({
      name: `sealed bytes a reading on disk, ${says}`,
      value: journal ?? Number.NaN,
      unit: 'B',
      against: 'rows of SQLite',
      baseline: sqlite ?? undefined,
      ...(goal === undefined ? {} : { goal }),
    });
  }
  return rows;
}

async function densityOf(setting: Setting, contender: ContenderName, valueKind: ValueKind, hasFractions: boolean) {
  const folder = newFolder(setting, contender);
  const options: AppendOptions = {
    contender,
    folder,
    device: setting.disk.device,
    perCommit: PER_COMMIT,
    valueKind,
    hasFractions,
    commitCount: COMMITS,
    warmCount: WARM_COMMITS,
    isSealing: true,
    isAcknowledging: false,
  };
  const { densityBytes } = await runWorker<Span>('append', options);
  rmSync(folder, { recursive: true });
  return densityBytes;
}
