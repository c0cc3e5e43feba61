// A Modbus RTU slave at the end of a pty, which has no speed of its own: this one takes as long for every frame as a serial
// line would. Arguments: the pty, baud rate, turnaround in milliseconds.

import { openSync, read, writeSync } from 'node:fs';

const [path = '', baudText = '', turnText = ''] = process.argv.slice(2);
const BITS_PER_CHARACTER = 11;
const REQUEST_BYTES = 8;
const characterMs = (BITS_PER_CHARACTER * 1_000) / Number(baudText);
const silenceMs = Number(baudText) > 19_200 ? 1.75 : 3.5 * characterMs;

const file = openSync(path, 'r+');
process.stdout.write('ready\n');

let received = Buffer.alloc(0);
const chunk = Buffer.alloc(256);

function next(): void {
  read(file, chunk, 0, chunk.length, null, (error, length) => {
    if (error) process.exit(0);
    received = Buffer.concat([received, chunk.subarray(0, length)]);
    while (received.length >= REQUEST_BYTES) {
      const request = received.subarray(0, REQUEST_BYTES);
      received = received.subarray(REQUEST_BYTES);
      const answer = answerTo(request);
      // Timers are a millisecond coarse: the last of it is waited for awake.
      const dueMs = performance.now() + REQUEST_BYTES * characterMs + silenceMs + Number(turnText) + answer.length * characterMs;
      setTimeout(
        () => {
          while (performance.now() < dueMs);
          writeSync(file, answer);
        },
        Math.max(0, dueMs - performance.now() - 2),
      );
    }
    next();
  });
}
next();

function answerTo(request: Buffer): Buffer {
  const [first, count] = [request.readUInt16BE(2), request.readUInt16BE(4)];
  const body = Buffer.alloc(3 + 2 * count);
  request.copy(body, 0, 0, 2);
  body[2] = 2 * count;
  for (let i = 0; i < count; i++) body.writeUInt16BE((first + i) & 0xffff, 3 + 2 * i);
  let crc = 0xffff;
  for (const byte of body) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >> 1) ^ 0xa001 : crc >> 1;
  }
  return Buffer.concat([body, Buffer.of(crc & 0xff, crc >> 8)]);
}
