import type { Messages } from './catalogue.ts';

/** English for what is wrong with buses and pins, and with where devices are plugged in. */
export const enWiring: Messages = {
  C110: {
    what: '`{via}` is neither a bus nor a port of this site',
    hints: [
      'did you mean {candidates:or}?',
      'places for it in this site: {places:or}',
      '{get:getting}',
      'mend what is wrong under `{mend}:` first',
      'declared here: {known}',
    ],
  },
  C111: {
    what: '`{via}` is no pin of the header',
    hints: [
      'did you mean {candidates:or}?',
      'write the pin as it is counted on the header, `gpio.pin11`, or the number of the chip, `gpio.17`',
    ],
  },
  C112: {
    what: '{board} needs {needs:places}, but `{via}` is {gives:places}',
    hints: ['places for it in this site: {places:or}', '{get:getting}', 'mend what is wrong under `{mend}:` first'],
  },
  C113: {
    what: 'pin {pin} carries {carries:carries}, it cannot be read or switched',
    hints: ['choose a GPIO pin and move the wire to it', 'free on the header: {free:or}'],
  },
  C114: {
    what: 'pin {pin} (GPIO{line}) belongs to the bus `{other}`',
    hints: ['choose another pin and move the wire to it', 'free on the header: {free:or}'],
  },
  C115: {
    what: '{port} can change its name after a restart',
    hints: ['write `usb:VID:PID`, with the two numbers that `lsusb` prints, or `by-path:…` with a name from /dev/serial/by-path'],
  },
  C116: {
    by: 'kind',
    of: {
      unknown: {
        what: '`{device}` has no port `{port}`',
        hints: ['did you mean {candidates:or}?', '{board} offers: {known}'],
      },
      portless: {
        what: '`{device}` is no bus and has no ports: nothing can be plugged into a {board}',
        hints: [
          'places for it in this site: {places:or}',
          '{get:getting}',
          'write the bus or the port that it is wired to, and no other device',
        ],
      },
      none: { what: '`{via}` names a device, but none of its ports', hints: ['write one of {known}'] },
      self: {
        what: '`{device}` cannot be plugged into itself',
        hints: ['write the bus that it is wired to: {known}', 'a device is plugged into a bus or into a port of another device'],
      },
    },
  },
  C117: {
    what: '`{port}` is no serial port',
    hints: [
      'did you mean {candidates:or}?',
      'write `usb:` and the two numbers of the adapter that `lsusb` prints: `usb:1a86:7523`',
      'or `usb:VID:PID@serial` or `by-path:…` where two adapters are alike, `header` for pins 8 and 10, or a path such as /dev/ttyAMA0',
    ],
  },
  C128: {
    what: '{board} leaves the factory with {leaves}, and `{bus}` runs with {runs}',
    hints: [
      'set the device to {runs}, or the bus to {leaves} if all its devices are: until then it does not answer',
      'this is so for all of these: {devices}',
    ],
  },
  C130: {
    by: 'kind',
    of: {
      address: {
        what: 'address {address} on {bus} is already used by `{other}`',
        hints: [
          '{board} can also be {free}: move its address jumper and write `with: { {parameter}: {first} }`',
          'without a free address it needs another bus',
        ],
      },
      unit: {
        what: 'unit {address} on {bus} is already used by `{other}`',
        hints: [
          'set another unit on the device and write `with: { {parameter}: {free} }`',
          'all units from {all} are taken: it needs another bus',
        ],
      },
    },
  },
  C131: {
    by: 'kind',
    of: {
      port: {
        what: '`{what}` is already used by `{other}`',
        hints: ['only one device can be there: plug this one into another port, and write that'],
      },
      serial: {
        what: '`{what}` is already used by `{other}`',
        hints: ['a serial bus carries one device: give this one a bus of its own under `buses:`, with the port of its adapter'],
      },
      gateway: { what: '`{what}` is already used by `{other}`', hints: ['there is one gateway: remove one of the two'] },
      rom: {
        what: '`{what}` is already used by `{other}`',
        hints: ['every probe has a name of its own: compare them with those in /sys/bus/w1/devices'],
      },
      place: {
        what: '`{what}` is already used by `{other}`',
        hints: ['two names for one thing would switch it against each other: write another one here'],
      },
    },
  },
  C132: {
    what: 'pin {pin} (GPIO{line}) is already used by `{other}`',
    hints: ['choose another pin and move the wire to it', 'free on the header: {free:or}'],
  },
  C133: {
    what: 'the port {port} is already used by the bus `{other}`',
    hints: ['one bus per port: plug the devices into `{other}`, or correct the port'],
  },
  C136: {
    what: '{device} cannot run: this version has no driver `{driver}` for {board}',
    hints: ['everything else of this site runs'],
  },
  C137: {
    by: 'kind',
    of: {
      mqtt: {
        what: '{device} cannot run: this version cannot read MQTT yet, and `{via}` is an MQTT bus',
        hints: [
          'the file can stay as it is: everything else of this site runs',
          'there is no board `{missing}` in this version either, and what the file says of it is not checked',
          '`enabled: false` at the device leaves this warning out',
        ],
      },
      port: {
        what: '{device} cannot run: this version cannot use the ports of {provider}, and `{via}` is one',
        hints: ['the file can stay as it is: everything else of this site runs'],
      },
    },
  },
  C140: {
    what: '{device} does nothing yet: this version cannot use the ports of {board}',
    hints: ['everything else of this site runs'],
  },
  C144: {
    by: 'kind',
    of: {
      self: { what: '`{id}` is the gateway itself', hints: ['choose another id for the bus'] },
      reserved: { what: '`{id}` is the name of the pins of the header', hints: ['choose another id'] },
      bus: {
        what: '`{id}` is also the id of a bus',
        hints: ['choose another id for one of the two: `via:` takes the bus'],
      },
    },
  },
  C145: {
    what: '`{port}` can be the adapter of the bus `{other}`',
    hints: ['give its serial number too, as `udevadm info` prints it: {port}@SERIAL'],
  },
  C147: {
    what: '`{written}` is no host',
    hints: ['a name or an address and nothing else: `192.168.1.20`; the port goes into `tcp_port:`'],
  },
  C148: {
    what: 'what is asked of `{bus}` cannot fit: bytes and pauses on its wire alone need {percent} % of the time',
    hints: [
      'write a shorter `pause:` at the bus: {pauseMs:ms} are waited before each request',
      'read its devices every {shortestMs:ms} or more rarely',
      'or switch readings off that nobody needs: `enabled: false`',
      'or set a higher baud rate, here and at every device of this bus',
    ],
  },
  C149: {
    what: '`{bus}` will be busy {percent} % of the time if its devices answer as slowly as most do: polls will be left out',
    hints: ['read its devices every {shortestMs:ms} or more rarely', '`barri bus stats` shows how long they really need'],
  },
  C150: {
    by: 'kind',
    of: {
      off: {
        what: '{device} cannot run: `{provider}`, into which it is plugged, is switched off',
        hints: ['remove `enabled: false` there, or write it here too'],
      },
      skipped: {
        what: '{device} cannot run: `{provider}`, into which it is plugged, cannot run',
        hints: ['everything else of this site runs'],
      },
      counter: {
        what: '{device} counts pulses, and a port of {provider} is only looked at every {everyMs:ms}: pulses would be missed',
        hints: ['plug it into a pin of the header that is free: `via: {free}`', 'a pin of the header misses none'],
      },
      pull: {
        what: 'a port of {provider} has no resistor for `pull: {pull}`',
        hints: ['write {known:or}', 'or fit a resistor of your own, and write `pull: none`'],
      },
      every: {
        what: '`every` says nothing for {device}: it is not asked itself',
        hints: ['write it at the devices that are plugged into it'],
      },
      unused: {
        what: 'nothing is plugged into `{device}`, and it measures nothing itself',
        hints: ['name one of its ports in another device: `via: {example}`'],
      },
    },
  },
  C151: {
    what: 'the driver `{driver}` has no port `{port}`, which {board} provides',
    hints: ['it has: {known}', 'correct `provides:` in the board file'],
  },
  C159: {
    what: 'pin {pin} (GPIO{line}) is pulled up from power-on: `{output}` can be on until the gateway runs',
    hints: [
      'move the wire to a pin that is pulled down: {free:or}',
      'or write `with: { active: low }`, if a low level is what switches it on',
    ],
  },
  C160: {
    by: 'case',
    of: {
      none: {
        what: '`{device}` leaves its outputs as they are when the gateway or its machine fails: {outputs:and} can be on for longer than `max_on`',
        hints: [
          'use a {board} only for loads that are safe when left on',
          'or a board that is told with each order when to switch off by itself: `waveshare-relay-8`',
          'or one that switches off by itself when it hears nothing: its manual calls that a watchdog or a communication time-out',
        ],
      },
      long: {
        what: '`{device}` switches off by itself what may be on for {amount:ms} at most: {outputs:and} can be on for longer than `max_on` when the gateway or its machine fails',
        hints: ['write `max_on: {amount:ms}` or less', 'or use a {board} there only for loads that are safe when left on'],
      },
      low: {
        what: '`{device}` switches off by itself what is on while its relay is on: {outputs:and} can be on for longer than `max_on` when the gateway or its machine fails',
        hints: [
          'wire the load to the contact that is closed while the relay is on (NO), and write `with: { active: high }`',
          'or use a {board} there only for loads that are safe when left on',
        ],
      },
    },
  },
  C200: {
    what: 'nobody is named who may give orders of the city to {outputs}',
    hints: ['write under `sentilo:` the id that your application has in the city: `orders_from: [my-application]`'],
  },
  C201: {
    what: 'without `sentilo:` no order of the city can come to {outputs}',
    hints: ['remove `sentilo` from `orders:`, or add a `sentilo:` block'],
  },
  C202: {
    what: '`{written}` is not an address that the city can push orders to',
    hints: ['write the one under which the city reaches this gateway, such as https://gateway.example.cat/orders'],
  },
  C203: {
    what: '`on_lost_city` of {output} is over before the city counts as lost: it is asked for orders every {everyMs:ms}',
    hints: ['write at least {leastMs:ms}: orders are undone meanwhile, though nothing has failed'],
  },
  C204: {
    what: 'orders to {output} may be too old when they come: the city is asked for them every {everyMs:ms}',
    hints: ['write at least {leastMs:ms} at `expiry:`'],
  },
  C205: {
    what: '`{key}` does nothing: no output takes orders of the city',
    hints: ['write `sentilo` under `orders:` of those that do', 'or remove `{key}:`'],
  },
  C206: {
    what: 'the type for `{key}` does nothing: nothing of this site measures that',
    hints: ['did you mean {candidates:or}?', 'this site has: {known}', 'or remove `{key}:`'],
  },
  C207: {
    what: 'the city pushes to port {port}, and this gateway serves port {served}',
    hints: ['write `port: {port}` under `callback:`', 'or leave it, where something in between passes {port} on to {served}'],
  },
  C208: {
    what: '{output} is on from power-up, at every stop and after a crash, without limit: that is what `safe: on` says, and its board {board} says off',
    hints: [
      'write `safe: off`, or leave it out',
      'where on is what is safe, such as for a normally-open valve, write `max_on: unlimited` beside it',
    ],
  },
  C209: {
    what: '`max_on` does nothing: the safe state of {output} is on, and that may last',
    hints: ['write `max_on: unlimited`, where on is what is safe', 'or `safe: off`'],
  },
  C210: {
    what: '`{service}` is the path of a service of the city, which the gateway adds itself: nothing would arrive',
    hints: ['write `url: {base}`'],
  },
  C211: {
    what: 'latitude {lat}, longitude {lon} is far from {timezone}: the two may be exchanged',
    hints: ['write `lat: {lon}, lon: {lat}`', 'or another `timezone:` under `gateway:`, if it does stand there'],
  },
  C157: {
    what: 'devices do not run at {rate} baud',
    hints: ['did you mean {candidates:or}?', 'its manual names the rate'],
  },
  C155: {
    what: 'with `framing: rtu` there is one question at a time: its frames do not say which question they answer',
    hints: ['remove `in_flight:`'],
  },
};
