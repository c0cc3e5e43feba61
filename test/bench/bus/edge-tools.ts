// The tools of libgpiod as they look from outside, without a kernel: one chip, and a line that changes so many times a second
// for a while. What they print is that of generation 2 (gpiomon --format "%e %S").

import { writeSync } from 'node:fs';
import { basename } from 'node:path';

const RATE = 20_000;
const SECONDS = 5;
/** As many at once as a reader that looks every 5 ms finds. */
const TOGETHER = 100;

const name = basename(process.argv[2] ?? '');
if (name === 'gpiodetect') {
  process.stdout.write(process.argv.includes('--version') ? 'gpiodetect (libgpiod) v2.2.1\n' : 'gpiochip0 [bench] (4 lines)\n');
} else if (name === 'gpioget') process.stdout.write('0\n');
else if (name === 'gpiomon') {
  const startedMs = performance.now();
  let sent = 0;
  const send = () => {
    const due = Math.min(RATE * SECONDS, Math.floor(((performance.now() - startedMs) * RATE) / 1_000));
    while (sent < due) {
      let text = '';
      for (const end = Math.min(due, sent + TOGETHER); sent < end; sent++) {
        const ns = sent * (1e9 / RATE);
        text += `${sent % 2 === 0 ? 1 : 2} ${Math.floor(ns / 1e9)}.${String(ns % 1e9).padStart(9, '0')}\n`;
      }
      writeSync(1, text);
    }
    if (sent < RATE * SECONDS) setTimeout(send, 1);
    else setTimeout(() => {}, 60_000);
  };
  send();
}
