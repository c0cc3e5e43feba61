/** A place in a file: line and column from 1, and the length of what is pointed at in characters. */
export interface Place {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly length: number;
}

export type Severity = 'error' | 'warning' | 'note';

/** Values that the texts of the message catalogue are filled with. */
export type ProblemParameters = Readonly<Record<string, string | number | readonly string[]>>;

/**
 * One thing that is wrong in a file, without words: a stable code and its parameters. The words stand in the message
 * catalogue (cli/messages/) and are made only there.
 */
export interface Problem {
  readonly code: string;
  readonly severity: Severity;
  readonly place: Place;
  /** Dotted path in the document, such as `devices.air.every`; empty for the whole file. */
  readonly path: string;
  readonly parameters: ProblemParameters;
}
