import type { Catalogue } from './catalogue.ts';
import { count } from './count.ts';
import { enBoards } from './en-boards.ts';
import { enFiles } from './en-files.ts';
import { enMqtt } from './en-mqtt.ts';
import { enRules } from './en-rules.ts';
import { enWiring } from './en-wiring.ts';

/** English. Another language has files like these with the same codes; only the words differ. */
export const en: Catalogue = {
  or: 'or',
  and: 'and',
  severity: { error: 'error', warning: 'warning', note: 'note' },
  summary: (files, errors, warnings, notes) =>
    `${count(files, 'file')}: ${count(errors, 'error')}, ${count(warnings, 'warning')}, ${count(notes, 'note')}`,
  others: (files) =>
    `${count(files, 'other YAML file')} ${files === 1 ? 'was' : 'were'} not looked at: of a folder *.gateway.yaml and *.board.yaml are`,
  words: {
    kinds: {
      text: 'a text',
      number: 'a number',
      integer: 'a whole number',
      boolean: 'true or false',
      map: 'a block of keys',
      list: 'a list',
    },
    // Keys that belong somewhere else, by the kind of block that they were written in.
    because: {
      serial: 'a serial bus is set by the board that is plugged into it: remove it',
    },
    // What the two of a pair are.
    pairs: {
      holes: 'a hole is its first and its last register',
      points: 'a point is the raw value, and then the true value',
    },
    // What a line with a key that is missing looks like.
    lines: {
      gateway: 'gateway: { id: school-01 }',
      id: 'id: school-01',
      url: 'url: https://sentilo.example.cat',
      provider: 'provider: makers-poblenou',
      token: 'token: { secret: sentilo_token }',
      port: 'port: "usb:1a86:7523"',
      host: 'host: 192.168.1.20',
      pin: 'pin: gpio.pin7',
      device: 'device: /dev/i2c-1',
      board: 'board: bme280@1',
      via_bus: 'via: i2c1',
      via_gateway: 'via: gateway',
      callback_secret: 'secret: { secret: callback_secret }',
      lat: 'lat: 41.4036',
      lon: 'lon: 2.2038',
      reading: 'reading: air.temperature',
      within: 'within: 1min',
      by: 'by: 5',
      do: 'do: { alarm: leak }',
      version: 'version: 1.0.0',
      label: 'label: { en: My meter }',
      needs: 'needs: modbus',
      driver: 'driver: modbus-map',
      serial: 'serial: { baud: 9600, format: 8N1 }',
      quantity: 'quantity: air_temperature',
      unit: 'unit: degC',
      at: 'at: 0x0000',
      coil: 'coil: 0',
      step: 'step: 100ms',
      most: 'most: 1h',
      encoding: 'encoding: text',
      registers: 'registers: 8',
    },
    // What a board needs, and what a bus or port is.
    places: {
      i2c: 'an I2C bus',
      serial: 'a serial port',
      modbus: 'a Modbus bus',
      onewire: 'a 1-Wire bus',
      mqtt: 'an MQTT bus',
      analog: 'an analogue input',
      digital_in: 'a digital input',
      digital_out: 'a digital output',
      gateway: 'the gateway itself',
    },
    // How a site that has none gets such a place.
    getting: {
      i2c: 'this site has none yet: write under `buses:` the line `i2c1: { type: i2c }`',
      serial:
        'this site has none yet: write under `buses:` the line `line: { type: serial, port: "usb:1a86:7523" }`, with the two numbers that `lsusb` prints',
      modbus:
        'this site has none yet: write under `buses:` the line `meters: { type: modbus-rtu, port: "usb:1a86:7523" }`, with the two numbers that `lsusb` prints',
      onewire: 'this site has none yet: write under `buses:` the line `w1: { type: onewire, pin: gpio.pin7 }`',
      mqtt: 'this version has no MQTT bus yet',
      analog:
        'this site has none that is free: a Raspberry Pi has no analogue inputs, a converter gives some: `barri board show ads1115`',
      digital_in: 'no pin of the header is free any more: a chip gives sixteen: `barri board show mcp23017`',
      gateway: 'write `via: gateway`',
      digital_out: 'no pin of the header is free any more: other boards give more: `barri board show modbus-relay-8`',
    },
    // Open and closed, of an output: which of the two is on is another thing for a valve and for a switch.
    states: {
      open: 'a valve that is open is `on`; a relay whose contact is open is `off`',
      closed: 'a valve that is closed is `off`; a relay whose contact is closed is `on`',
    },
    // What a driver takes, and the types of parameters that give it.
    wanted: { number: 'a number', boolean: 'true or false', string: 'a text' },
    givenBy: {
      number: 'integer, number, i2c_address, modbus_unit, duration (in ms), length (in mm), voltage (in V)',
      boolean: 'boolean',
      string: 'choice, text, onewire_rom',
    },
    refusals: {
      ENOENT: 'there is no such file',
      ENOTDIR: 'there is no such file',
      EACCES: 'this user may not read it',
      EPERM: 'this user may not read it',
      EISDIR: 'it is a folder',
      EIO: 'the disk gives an error',
      NOT_PEM: 'there is no PEM certificate in it',
    },
    carries: { '3V3': '3.3 V', '5V': '5 V', ground: 'ground', id: 'the identification of add-on boards' },
  },
  messages: {
    ...enFiles,
    ...enMqtt,
    ...enBoards,
    ...enWiring,
    ...enRules,
    // ------------------------------------------------------------------------------------------- the city's catalogue
    C212: {
      what: 'Sentilo has no energy `{written}` in its list, and refuses sensors of such a component',
      hints: ['did you mean {candidates:or}?', 'it has: {known}', 'where the city has made its list longer, nothing is wrong'],
    },
    // ---------------------------------------------------------------------------------------------- simulated Sentilo
    W001: { what: '`{id}` stands twice', hints: ['keep one of the two'] },
    W002: { what: 'two entities have one token', hints: ['give `{id}` a token of its own'] },
    W003: { what: 'there is no entity `{name}`', hints: ['known: {known}'] },
    W004: { what: '`{name}` is not in `{list}`', hints: ['add it to `{list}`'] },
  },
};
