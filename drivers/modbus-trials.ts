import { type Block, blockOf, keyOf } from './modbus-plan.ts';

/** So many rounds after a start or a new cut the first trial is made; after each that fails it takes twice as long, at most the second. */
const TRIAL_AFTER_ROUNDS = 8;
const TRIAL_AFTER_ROUNDS_MAX = 256;
/** So many rounds in a row must a trial be given until its cuts are forgotten: through a noisy line a long answer comes now and then. */
const GIVEN_UNTIL_JOINED = 8;

/** What is asked for as one in a trial, and the pieces that it consists of. */
export interface Trial {
  readonly whole: Block;
  readonly pieces: readonly Block[];
}

/**
 * When pieces into which blocks were cut are asked for as a whole again: what a cut was learned from may have been an inverter
 * at night, or noise. One trial costs one request more in its round, after all others. Only neighbours of which each was given
 * in the same round are tried; first as many as there are, so that one trial can undo all cuts, and then two at a time.
 */
export class Trials {
  readonly #planned: readonly Block[];
  #afterRounds = TRIAL_AFTER_ROUNDS;
  #roundsLeft = TRIAL_AFTER_ROUNDS;
  /** Which of those that are possible is next. */
  #turn = 0;
  /** Key of the newest that was given, and how often in a row. */
  #given = { key: '', count: 0 };

  /** @param planned the blocks before they were cut */
  constructor(planned: readonly Block[]) {
    this.#planned = planned;
  }

  /** Something was cut anew. */
  cut(): void {
    this.#afterRounds = TRIAL_AFTER_ROUNDS;
    this.#roundsLeft = TRIAL_AFTER_ROUNDS;
  }

  /** Called at the end of a round in which these pieces were given: what is to be tried, if anything is. */
  next(given: readonly Block[]): Trial | undefined {
    if (this.#roundsLeft > 0) this.#roundsLeft -= 1;
    if (this.#roundsLeft > 0) return undefined;
    const possible = this.#planned.flatMap((block) => runsIn(block, given));
    const all = [...possible, ...possible.flatMap(pairsOf)];
    const pieces = all[this.#turn % all.length];
    return pieces && { whole: blockOf(pieces.flatMap(({ spans }) => spans)), pieces };
  }

  /** What came of a trial. Returns whether its pieces are one from now on. */
  tried({ whole }: Trial, isGiven: boolean): boolean {
    if (!isGiven) {
      this.#given = { key: '', count: 0 };
      this.#turn += 1;
      this.#roundsLeft = this.#afterRounds;
      this.#afterRounds = Math.min(2 * this.#afterRounds, TRIAL_AFTER_ROUNDS_MAX);
      return false;
    }
    const key = keyOf(whole);
    this.#given = { key, count: this.#given.key === key ? this.#given.count + 1 : 1 };
    if (this.#given.count < GIVEN_UNTIL_JOINED) return false;
    this.#turn = 0;
    return true;
  }
}

/** The longest runs of two or more neighbours among the pieces of a block. */
function runsIn({ spans }: Block, pieces: readonly Block[]): Block[][] {
  const pieceOf = new Map(pieces.flatMap((piece) => piece.spans.map((span) => [span, piece])));
  const runs: Block[][] = [[]];
  for (const span of spans) {
    const piece = pieceOf.get(span);
    if (piece === undefined) runs.push([]);
    else if (runs.at(-1)?.at(-1) !== piece) runs.at(-1)?.push(piece);
  }
  return runs.filter(({ length }) => length > 1);
}

/** Of a run of two there is no other trial. */
function pairsOf(run: readonly Block[]): Block[][] {
  return run.length === 2 ? [] : run.slice(1).map((piece, i) => [run[i] as Block, piece]);
}
