/** At most this many proposals: more is no help. */
const CANDIDATES_MAX = 3;

/** Words that are looked at: a file can hold thousands of ids and as many wrong references to them. */
const WORDS_MAX = 500;

/** Known words that a message names. */
const LISTED_MAX = 30;

/** What people call buses and keys too, also in the files of other programs, with what may be meant here. */
const OTHER_WORDS: ReadonlyMap<string, readonly string[]> = new Map([
  ['interval', ['every']],
  ['period', ['every']],
  ['update_interval', ['every']],
  ['scan_interval', ['every']],
  ['on', ['via']],
  ['bus', ['via']],
  ['gpio', ['pin', 'via']],
  ['pin', ['via']],
  ['port', ['via']],
  ['model', ['board']],
  ['platform', ['board']],
  ['type', ['board']],
  ['sensors', ['devices', 'readings']],
  ['sensor', ['devices', 'readings']],
  ['comment', ['note']],
  ['description', ['note', 'name']],
  ['title', ['name']],
  ['friendly_name', ['name']],
  ['baudrate', ['baud']],
  ['baud_rate', ['baud']],
  ['speed', ['baud']],
  ['parity', ['format']],
  ['ip', ['host']],
  ['address', ['unit', 'host', 'with']],
  ['slave', ['unit', 'with']],
  ['unit', ['address', 'with']],
  ['params', ['with']],
  ['parameters', ['with']],
  ['options', ['with']],
  ['server', ['url']],
  ['host', ['url']],
  ['rs485', ['modbus-rtu', 'serial']],
  ['rs-485', ['modbus-rtu', 'serial']],
  ['rs232', ['serial']],
  ['uart', ['serial']],
  ['usb', ['serial', 'modbus-rtu']],
  ['1wire', ['onewire']],
  ['1-wire', ['onewire']],
  ['one-wire', ['onewire']],
  ['w1', ['onewire']],
  ['dispositivos', ['devices']],
  ['dispositius', ['devices']],
  ['reglas', ['rules']],
  ['regles', ['rules']],
  ['lecturas', ['readings']],
  ['lectures', ['readings']],
  ['salidas', ['outputs']],
  ['sortides', ['outputs']],
  ['nombre', ['name']],
  ['nom', ['name']],
  ['placa', ['board']],
  ['cada', ['every']],
]);

/** A part of a word that is shorter says nothing. */
const PART_MIN = 3;

/** A key of a hundred letters is nobody's typing mistake. */
const LENGTH_MAX = 60;

/**
 * The words that `word` was probably meant to be, the likeliest first: those that differ by few letters, else those that it is
 * a part of (`modbus` of `modbus-rtu`, `temp` of `temperature`, `soil-moisture` of `soil-moisture-capacitive`). Empty when nothing is near.
 */
export function closest(word: string, words: Iterable<string>): string[] {
  if (word.length > LENGTH_MAX) return [];
  const near = nearest(word, words);
  if (near.length > 0) return near;
  const known = new Set(words);
  const meant = (OTHER_WORDS.get(word.toLowerCase()) ?? []).filter((other) => known.has(other));
  return meant.length > 0 ? meant : wholes(word, words);
}

function wholes(word: string, words: Iterable<string>): string[] {
  const part = word.toLowerCase();
  const found: string[] = [];
  let count = 0;
  for (const candidate of words) {
    count += 1;
    if (count > WORDS_MAX || found.length === CANDIDATES_MAX) break;
    const whole = candidate.toLowerCase();
    if (whole.startsWith(part) || whole.split(/[^a-z0-9]+/).includes(part)) found.push(candidate);
  }
  return part.length < PART_MIN ? [] : found;
}

function nearest(word: string, words: Iterable<string>): string[] {
  const farthest = Math.max(1, Math.floor(word.length / 3));
  const lower = word.toLowerCase();
  const near: { candidate: string; distance: number }[] = [];
  let count = 0;
  for (const candidate of words) {
    count += 1;
    if (count > WORDS_MAX) break;
    if (Math.abs(candidate.length - word.length) > farthest) continue;
    const found = distance(lower, candidate.toLowerCase(), farthest);
    if (found <= farthest) near.push({ candidate, distance: found });
  }
  return near
    .sort((a, b) => a.distance - b.distance || (a.candidate < b.candidate ? -1 : 1))
    .slice(0, CANDIDATES_MAX)
    .map((entry) => entry.candidate);
}

/** What is known, as a message lists it: a page of ids is no help. */
export function listed(words: readonly string[]): readonly string[] {
  return words.length <= LISTED_MAX ? words : [...words.slice(0, LISTED_MAX), '…'];
}

/**
 * Insertions, deletions, replacements and swaps of neighbours that turn one word into the other (optimal string
 * alignment). Given up, with infinity, once it must be more than `most`: then only cells near the diagonal count.
 */
function distance(a: string, b: string, most: number): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i += 1) {
    const row = new Array<number>(b.length + 1).fill(Number.POSITIVE_INFINITY);
    row[0] = i;
    let least = i;
    for (let j = Math.max(1, i - most); j <= Math.min(b.length, i + most); j += 1) {
      const cost = a[i - 1] === b[j - 1] ? 0 : 1;
      let best = Math.min((row[j - 1] ?? 0) + 1, (last[j] ?? 0) + 1, (last[j - 1] ?? 0) + cost);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) best = Math.min(best, (beforeLast[j - 2] ?? 0) + 1);
      row[j] = best;
      least = Math.min(least, best);
    }
    if (least > most) return Number.POSITIVE_INFINITY;
    beforeLast = last;
    last = row;
  }
  return last[b.length] ?? 0;
}
