import type { Answer, SerialModel } from './devices/model.ts';

/** How many commands' bytes a device keeps while none is whole. */
const KEPT_COMMANDS = 4;

/** The commands of a serial device, which all have one length. */
interface Commands {
  readonly length: number;
  /** Whether marks and checksum are right. */
  isCommand(bytes: readonly number[]): boolean;
  /** Does what a command says and gives the answer, if there is one. */
  obey(command: readonly number[], atMs: number): Uint8Array | undefined;
  readonly answerAfterMs: number;
}

/** What such a device does with bytes that arrive cut anywhere: those that begin no command are passed over. */
export function obeying({ length, isCommand, obey, answerAfterMs }: Commands): SerialModel['receive'] {
  let received: number[] = [];
  return (bytes, atMs) => {
    received = [...received, ...bytes].slice(-KEPT_COMMANDS * length);
    const answers: Answer[] = [];
    while (received.length >= length) {
      const command = received.slice(0, length);
      const isWhole = isCommand(command);
      received = received.slice(isWhole ? length : 1);
      const answer = isWhole ? obey(command, atMs) : undefined;
      if (answer !== undefined) answers.push({ afterMs: answerAfterMs, bytes: answer });
    }
    return answers;
  };
}
