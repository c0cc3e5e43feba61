import { readFileSync } from 'node:fs';

/** One vector of test/data/vectors, as far as tests use it. `input` is hex, or JSON of hex texts (`encoding`). */
export interface Vector {
  readonly id: string;
  readonly kind: string;
  readonly input: string;
  readonly context: Readonly<Record<string, unknown>>;
  readonly expected: Readonly<Record<string, number | string>>;
  readonly tolerance: Readonly<Record<string, number>>;
}

/** The vectors of one file; see test/data/vectors/SOURCES.md. */
export function vectors(name: string): readonly Vector[] {
  return JSON.parse(readVectorFile(`${name}.json`));
}

/** The rows of a CSV file of that folder, without its heading; cells trimmed. */
export function csvRows(name: string): readonly (readonly string[])[] {
  const lines = readVectorFile(name).trim().split('\n').slice(1);
  return lines.map((line) => line.split(',').map((cell) => cell.trim()));
}

function readVectorFile(name: string): string {
  return readFileSync(new URL(`../data/vectors/${name}`, import.meta.url), 'utf8');
}
