/** What a guest told between its start and the cut. */
export interface Heard {
  /** Digest of every record that the journal held when it was open; undefined when the power was cut before. */
  readonly held: ReadonlyMap<number, string> | undefined;
  /** Digest of every record that was acknowledged, by its sequence. */
  readonly acknowledged: ReadonlyMap<number, string>;
  /** Ranges of sequences in which the journal was about to delete or to thin records, both ends included. */
  readonly dropped: readonly Range[];
}

export type Range = readonly [first: number, last: number];

/** What a line said, for who decides when to cut. */
export type Told =
  | { readonly kind: 'opening' | 'opened' | 'holds' | 'drops' | 'acknowledged' }
  | { readonly kind: 'file'; readonly what: string };

/** Takes the lines of guest/open-journal.js, complete ones only. */
export function createListener(): { take(line: string): Told; heard(): Heard } {
  const held = new Map<number, string>();
  const acknowledged = new Map<number, string>();
  const dropped: Range[] = [];
  let isOpen = false;
  return {
    take(line) {
      const [word, ...rest] = line.split(' ');
      const [first = '', second = ''] = rest;
      switch (word) {
        case 'OPENING':
          return { kind: 'opening' };
        case 'HAS':
          held.set(Number(first), second);
          return { kind: 'holds' };
        case 'OPENED':
          isOpen = true;
          return { kind: 'opened' };
        case 'ACK':
          acknowledged.set(Number(first), second);
          return { kind: 'acknowledged' };
        case 'DROPS':
          dropped.push([Number(first), Number(second)]);
          return { kind: 'drops' };
        case 'FILE':
          return { kind: 'file', what: rest.join(' ') };
        default:
          throw new Error(`the guest says something else: ${line}`);
      }
    },
    heard: () => ({ held: isOpen ? held : undefined, acknowledged, dropped }),
  };
}
