/** What a command may touch of the process. Results go to `out`, everything else to `err`. */
export interface Io {
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Whether `out` is a terminal. */
  readonly isTerminal: boolean;
  /** Size of the terminal in characters, as it is now. */
  readonly columns: number;
  readonly rows: number;
  /** The folder that holds package.json and boards/, also when running from dist/. */
  readonly packageRoot: string;
  /** The process ends with the highest code that was set. See cli/exit-codes.ts. */
  readonly setExitCode: (code: number) => void;
  /** Takes a broken invariant of ours: everything is stopped, and the process ends with EXIT.bug. */
  readonly fatal: (error: unknown) => void;
}
