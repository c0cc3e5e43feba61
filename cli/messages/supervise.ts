/** Texts about a gateway that is supervised. English; other languages take the same keys. */
export const text = {
  hangs:
    'error[B134] the gateway hangs: it is killed, and its outputs are made safe\n   = please report it with the lines of the log before it\n',
  ended: ({
    code,
    signal,
    againMs,
  }: {
    readonly code: number | null;
    readonly signal: string | null;
    readonly againMs: number;
  }) =>
    `warning[B135] the gateway ended (${code === null ? signal : `exit code ${code}`}): its outputs were made safe, it is started again in ${againMs / 1000} s\n   = its own lines before this say why\n`,
} as const;
