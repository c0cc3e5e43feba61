// A Modbus TCP slave that answers every read of registers at once, with their addresses. Prints its port.

import { createServer } from 'node:net';

const HEADER_BYTES = 7;
const REQUEST_BYTES = 12;

const server = createServer({ noDelay: true }, (socket) => {
  let received = Buffer.alloc(0);
  socket.on('error', () => {});
  socket.on('data', (bytes) => {
    received = received.length === 0 ? bytes : Buffer.concat([received, bytes]);
    const answers: Buffer[] = [];
    let at = 0;
    for (; received.length - at >= REQUEST_BYTES; at += REQUEST_BYTES) {
      const request = received.subarray(at, at + REQUEST_BYTES);
      const [first, count] = [request.readUInt16BE(8), request.readUInt16BE(10)];
      const answer = Buffer.alloc(HEADER_BYTES + 2 + 2 * count);
      request.copy(answer, 0, 0, 4);
      answer.writeUInt16BE(3 + 2 * count, 4);
      answer[6] = request[6] as number;
      answer[7] = request[7] as number;
      answer[8] = 2 * count;
      for (let i = 0; i < count; i++) answer.writeUInt16BE((first + i) & 0xffff, 9 + 2 * i);
      answers.push(answer);
    }
    received = received.subarray(at);
    if (answers.length > 0) socket.write(Buffer.concat(answers));
  });
});
server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  if (address !== null && typeof address === 'object') process.stdout.write(`port ${address.port}\n`);
});
