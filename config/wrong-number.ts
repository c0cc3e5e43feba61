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

/** A number that a person sees as that number: no leading zero, no exponent, no octal; hexadecimal as printed on chips. */
const PLAIN_NUMBER = /^[-+]?(?:0x[0-9a-fA-F]+|(?:0|[1-9][0-9]*)(?:\.[0-9]*)?|\.[0-9]+)$/;

/** Whether a person or a YAML 1.1 tool sees another number in what is written than YAML 1.2 does. */
export function isOddNumber(written: string): boolean {
  return !PLAIN_NUMBER.test(written);
}
