import { z } from 'zod';
import { baud, block, fail, frequency, secret, serialFormat, shortDuration, shortPeriod, text } from './schema-types.ts';

/** A name or an IPv4 address, or an IPv6 address with or without brackets: no scheme, no port. */
const HOST = /^(?:[A-Za-z0-9._-]+|\[?(?=[^:]*:[^:]*:)[0-9A-Fa-f:.]+(?:%\w+)?\]?)$/;

const BUS_TYPE = 'What kind of bus it is; it decides which keys stand beside it.';
const PORT =
  'The serial port: `header`, or one that keeps its name, such as `usb:1a86:7523` with the two numbers that `lsusb` prints.';

/** What devices are wired to, by its type. */
export const bus = z.discriminatedUnion('type', [
  block({
    type: z.literal('i2c').describe(BUS_TYPE),
    device: text.optional().describe('Its device file, such as /dev/i2c-1; that of its number where the bus is called `i2c1`.'),
    speed: frequency.prefault('100kHz').describe('Its clock; the machine sets it, this only says what it is.'),
  }),
  block({ type: z.literal('serial').describe(BUS_TYPE), port: text.describe(PORT) }),
  block({
    type: z.literal('modbus-rtu').describe(BUS_TYPE),
    port: text.describe(PORT),
    baud: baud.default(9600).describe('Bits a second, the same for all devices of the line.'),
    format: serialFormat.default('8N1').describe('Data bits, parity and stop bits, the same for all devices of the line.'),
    timeout: shortPeriod.prefault('1s').describe('How long an answer is waited for.'),
    pause: shortDuration.prefault('0s').describe('Silence between two questions, beside that of the protocol.'),
    echo: z.boolean().default(false).describe('Whether the adapter gives back what is sent.'),
  }),
  block({
    type: z.literal('modbus-tcp').describe(BUS_TYPE),
    host: z.string().regex(HOST, 'C147').describe('Name or address, without scheme and port.'),
    tcp_port: z.int().min(1).max(65_535).default(502).describe('Its TCP port.'),
    timeout: shortPeriod.prefault('1s').describe('How long an answer is waited for.'),
    framing: z
      .enum(['tcp', 'rtu'])
      .default('tcp')
      .describe('What goes over the connection: frames of Modbus TCP, or those of a serial line (`rtu`).'),
    connect_pause: shortDuration.prefault('0s').describe('How long nothing is sent after connecting: some converters lose it.'),
    in_flight: z.int().min(1).max(16).default(1).describe('How many questions may wait for their answers at once.'),
  }).superRefine(({ framing, in_flight }, context) => {
    if (framing === 'rtu' && in_flight > 1) fail(context, 'C155', {}, ['in_flight']);
  }),
  block({ type: z.literal('onewire').describe(BUS_TYPE), pin: text.describe('The pin of its data line, such as `gpio.pin7`.') }),
  block({
    type: z.literal('mqtt').describe(BUS_TYPE),
    url: text.describe('Address of the broker.'),
    user: text.optional().describe('User name there.'),
    password: secret.optional().describe('The secret that holds the password.'),
    ca: text.optional().describe('Path of a PEM file: the certificate authority of a broker that has one of its own.'),
  }),
]);
