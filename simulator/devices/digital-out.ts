import type { LineModel } from './model.ts';

/** A relay, valve or lamp on a GPIO line, which nothing measures: it takes every level and shows it on the pin. */
export function model(): LineModel {
  return { kind: 'line', driven: () => {} };
}
