import { z } from 'zod';
import type { Learned } from './driver.ts';
import { type Block, cutBlock, type Span } from './modbus-plan.ts';

const KEY = 'modbus-cuts';
/** More than any board has readings. */
const CUTS_MAX = 10_000;

/** What is kept: for which board, and before which addresses of which table a request must end. */
const kept = z.strictObject({
  board: z.string(),
  cuts: z.array(z.tuple([z.enum(['input', 'holding', 'coil', 'discrete']), z.int().min(0).max(0xffff)])).max(CUTS_MAX),
});

type Cut = z.infer<typeof kept>['cuts'][number];

/** Where requests to a device must be cut, from this opening and from those before it. */
export interface LearnedCuts {
  /** The blocks in the pieces that the device takes, as far as that is known. */
  apply(blocks: readonly Block[]): Block[];
  /** The addresses between two spans that cannot be asked for together, each [first, last]; of spans without any between them none. */
  holes(blocks: readonly Block[]): (readonly [number, number])[];
  /** A request must end before each of these spans. */
  add(spans: readonly Span[]): void;
  /** It need not any more. */
  forget(spans: readonly Span[]): void;
}

/**
 * Takes up what was learned of a device. What is not in the form that is kept here, or was learned of another board, is
 * left aside: it is learned again, at the cost of a few refused requests.
 */
export function learnedCuts(board: string, learned: Learned | undefined): LearnedCuts {
  const read = kept.safeParse(learned?.get(KEY));
  let cuts: readonly Cut[] = read.success && read.data.board === board ? read.data.cuts : [];
  const isCut = ({ table, at }: Span) => cuts.some(([cutTable, cutAt]) => cutTable === table && cutAt === at);
  const keep = (next: readonly Cut[]) => {
    cuts = next;
    learned?.set(KEY, { board, cuts });
  };
  return {
    apply: (blocks) => blocks.flatMap((block) => cutBlock(block, isCut)),
    holes: (blocks) =>
      blocks.flatMap(({ spans }) =>
        spans.flatMap((span, i): (readonly [number, number])[] => {
          const end = Math.max(0, ...spans.slice(0, i).map(({ at, count }) => at + count));
          return i > 0 && isCut(span) && end < span.at ? [[end, span.at - 1]] : [];
        }),
      ),
    add: (spans) => keep([...cuts, ...spans.filter((span) => !isCut(span)).map(({ table, at }): Cut => [table, at])]),
    forget: (spans) =>
      keep(cuts.filter(([cutTable, cutAt]) => !spans.some(({ table, at }) => table === cutTable && at === cutAt))),
  };
}
