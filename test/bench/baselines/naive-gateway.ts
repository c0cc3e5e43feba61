// What a weekend script does instead of a gateway: one setInterval per device, one synced line per poll, one PUT a second.
// Called with the number of devices, the readings of each, the period in ms, a file and a URL; prints its count on SIGTERM.

import { closeSync, fdatasyncSync, openSync, writeSync } from 'node:fs';
import { request } from 'node:http';

const [deviceCount = 0, readingCount = 0, periodMs = 0] = process.argv.slice(2, 5).map(Number);
const [file = '', url = ''] = process.argv.slice(5);

const journal = openSync(file, 'a');
let observations: { readonly value: string }[] = [];
let count = 0;

for (let device = 0; device < deviceCount; device++) {
  setInterval(() => {
    const values = Array.from({ length: readingCount }, () => (20 + Math.random()).toFixed(2));
    writeSync(journal, `${JSON.stringify({ device, at: Date.now(), values })}\n`);
    fdatasyncSync(journal);
    observations.push(...values.map((value) => ({ value })));
    count += values.length;
  }, periodMs);
}

setInterval(() => {
  const body = JSON.stringify({ observations: observations.splice(0, 100) });
  observations = [];
  const put = request(url, { method: 'PUT', agent: false, headers: { IDENTITY_KEY: 'demo-token' } }, (answer) => answer.resume());
  put.on('error', (error) => process.stderr.write(`${error.message}\n`));
  put.end(body);
}, 1000);

process.on('SIGTERM', () => {
  process.stdout.write(`${JSON.stringify({ readingCount: count })}\n`, () => {
    closeSync(journal);
    process.exit();
  });
});
