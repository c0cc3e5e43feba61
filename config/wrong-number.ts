import type { ProblemParameters } from './problem.ts';

/** What is wrong with a text where a number belongs, when it is a number to people; undefined for any other text. */
export function wrongNumber(written: string): { code: string; parameters: ProblemParameters } | undefined {
  if (/^[-+]?[0-9]+,[0-9]+$/.test(written)) {
    return { code: 'C070', parameters: { written, number: written.replace(',', '.') } };
  }
  // Without quotes YAML would have made a number of it.
  if (/^(?:[-+]?[0-9]+(?:\.[0-9]+)?|0x[0-9a-f]+)$/i.test(written)) return { code: 'C069', parameters: { written } };
  return undefined;
}
