import type { Messages } from './catalogue.ts';

/** English for what is wrong with boards, devices and their wiring, and with the secrets of a site. */
export const enBoards: Messages = {
  C090: {
    by: 'kind',
    of: {
      file: {
        what: 'the secret `{name}` is not here: {path} ({reason:refusals})',
        hints: ['write it there and nothing else with it: `{make}`', 'then let nobody else read it: `{close}`'],
      },
      credential: {
        what: 'the secret `{name}` was not handed over by systemd: {path} ({reason:refusals})',
        hints: [
          'write into the unit of the service, under [Service]: LoadCredential={name}:/etc/barri/secrets/{name}',
          'then: `sudo systemctl daemon-reload`, and start the service again',
        ],
      },
    },
  },
  C091: { what: 'others on this machine can read the secret `{name}`', hints: ['let nobody else read it: `{command}`'] },
  C092: { what: 'the secret `{name}` is empty', hints: ['write it into {path}'] },
  C094: {
    what: 'the secret `{name}` holds a character that no token has',
    hints: ['letters, digits and signs of ASCII, without spaces: copy it into {path} again'],
  },
  C095: {
    by: 'kind',
    of: {
      own: {
        what: 'the gateway runs as {user}, whom the secret `{name}` belongs to, and may not read it: {place} is closed',
        hints: ['open it: `{command}`'],
      },
      file: {
        what: 'the gateway runs as {user} and may not read the secret `{name}`: {place} belongs to {owner}',
        hints: ['give it to {user}: `{command}`', 'or run the gateway as {instead}: put `sudo -u {instead}` before the command'],
      },
      folder: {
        what: 'the gateway runs as {user} and may not look for the secret `{name}`: the folder {place} belongs to {owner}',
        hints: ['give it to {user}: `{command}`', 'or run the gateway as {instead}: put `sudo -u {instead}` before the command'],
      },
      passage: {
        what: 'the gateway runs as {user} and does not get to the secret `{name}`: the folder {place} belongs to {owner}',
        hints: [
          'let others pass through it, which shows nobody what is in it: `{command}`',
          'or run the gateway as {instead}: put `sudo -u {instead}` before the command',
        ],
      },
    },
  },
  C096: {
    what: 'the gateway runs as {user} and may not read the certificate authority {path}: {place} belongs to {owner}',
    hints: ['it is no secret, so let everybody read it: `{command}`'],
  },
  C093: {
    what: 'the certificate authority cannot be read: {path} ({reason:refusals})',
    hints: ['give the path of a PEM file that this user may read'],
  },
  C099: { what: '`{board}` does not name a board', hints: ['write the id and the major version: `{write}`'] },
  C100: { what: 'the board file of `{board}` has errors', hints: ['they are shown with {file}'] },
  C101: {
    what: 'no board called `{board}`',
    hints: [
      'did you mean {candidates:or}?',
      '`barri board list` shows all of them',
      'a board of your own goes into {folder} beside this file',
      'for a board of your own name its file, such as {file}',
    ],
  },
  C102: {
    what: '`{board}` has the version {version} here',
    hints: ['its readings may have other names or units: `barri board show {write}` shows them; then write `{write}`'],
  },
  C103: {
    what: '{board} has neither readings nor outputs nor ports',
    hints: ['write at least one of `readings:`, `outputs:`, `provides:`'],
  },
  C104: {
    what: 'the file name does not fit the id `{id}`',
    hints: ['rename the file to {name}: boards are found by their file name'],
  },
  C105: { what: '{quantity} is not measured in `{unit}`', hints: ['units of {quantity}: {allowed}'] },
  C106: { what: 'no quantity called `{quantity}`', hints: ['did you mean {candidates:or}?', 'known: {known}'] },
  C107: { what: 'no unit called `{unit}`', hints: ['did you mean {candidates:or}?', 'units of {quantity}: {allowed}'] },
  C108: {
    what: '{board} cannot be verified without `simulate:`',
    hints: ['say what its readings look like, or write `status: community`'],
  },
  C109: {
    what: 'a board on this kind of bus needs a parameter of type {type}',
    hints: ['write under `with:`: {name}: { type: {type}, default: 1 }'],
  },
  C110: { what: '`{via}` is neither a bus nor a port', hints: ['did you mean {candidates:or}?', 'declared here: {known}'] },
  C111: {
    what: '`{via}` is no pin of the header',
    hints: [
      'did you mean {candidates:or}?',
      'write the pin as it is counted on the header, `gpio.pin11`, or the number of the chip, `gpio.17`',
    ],
  },
  C112: {
    what: '{board} needs {needs:places}, but `{via}` is {gives:places}',
    hints: ['places for it in this site: {candidates:or}', '{get:getting}'],
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
        what: '`{device}` has no port for `{via}`',
        hints: ['did you mean {candidates:or}?', '{board} offers: {known}'],
      },
      none: { what: '`{via}` names a device, but none of its ports', hints: ['write one of {known}'] },
      self: { what: '`{device}` cannot be plugged into itself', hints: ['write the id of its bus: {known}'] },
    },
  },
  C117: {
    what: '`{port}` is no serial port',
    hints: ['`usb:VID:PID`, `usb:VID:PID@serial`, `by-path:…`, `header`, or a path such as /dev/ttyAMA0'],
  },
  C118: {
    what: 'the file of `{board}` holds the board `{id}`',
    hints: ['correct `id:` in {file}, or rename the file: boards are found by their file name'],
  },
  C120: { what: '{board} has no reading `{reading}`', hints: ['did you mean {candidates:or}?', 'it has: {known}'] },
  C121: {
    what: '{board} has no parameter `{name}`',
    hints: [
      'did you mean {candidates:or}?',
      'it has: {known}',
      '`barri board show {see}` says what each is',
      '{bare} takes no parameters: remove `with:`',
    ],
  },
  C122: {
    what: '{board} needs to know `{name}`',
    hints: ['write: with: { {name}: {example} }', '`barri board show {see}` says what it is'],
  },
  C123: {
    what: 'the driver `{driver}` does not give {reading} of {board}',
    hints: ['it gives: {known}', 'correct the board file'],
  },
  C124: {
    what: 'a 1-Wire address has 12 hexadecimal digits after the family, this has {digits}',
    hints: ['did you mean {candidates:or}?', 'compare it with the names in /sys/bus/w1/devices, such as 28-0316a2799dff'],
  },
  C125: {
    by: 'owner',
    of: {
      device: { what: '{board} cannot be read every {everyMs:ms}', hints: ['write {leastMs:ms} or more'] },
      default: {
        what: '{board} cannot be read every {everyMs:ms}; it is read every {leastMs:ms}',
        hints: ['write `every: {leastMs:ms}` here, so that everybody can see it'],
      },
    },
  },
  C126: {
    by: 'key',
    of: {
      safe: {
        what: '{output} has no safe state',
        hints: ['say under `outputs:` of the device what it shall be when nobody controls it: {name}: { safe: off }'],
      },
      max_on: {
        what: '{output} does not say how long it may be on',
        hints: [
          'write under `outputs:` of the device: {name}: { max_on: 30min }',
          'or `max_on: unlimited` if the load may stay on',
        ],
      },
    },
  },
  C127: { what: '{board} has no output `{reading}`', hints: ['did you mean {candidates:or}?', 'it has: {known}'] },
  C128: {
    what: '{board} leaves the factory with {leaves}, and `{bus}` runs with {runs}',
    hints: ['set the device to {runs}, or the bus to {leaves} if all its devices are: until then it does not answer'],
  },
  C129: {
    what: '{at} looks like a number of a manual',
    hints: ['it is used as it stands: {bytes} on the wire', 'if the manual counts from 40001 or 30001, write {other}'],
  },
  C130: {
    by: 'kind',
    of: {
      address: {
        what: 'address {address} on {bus} is already used by `{other}`',
        hints: [
          '{board} can also be {free}: move its address jumper and write `with: { {parameter}: … }`',
          'without a free address it needs another bus',
        ],
      },
      unit: {
        what: 'unit {address} on {bus} is already used by `{other}`',
        hints: ['set another unit on the device and write `with: { {parameter}: {free} }`'],
      },
    },
  },
  C131: {
    what: '`{what}` is already used by `{other}`',
    hints: ['only one device can be there: choose another place for this one'],
  },
  C132: {
    what: 'pin {pin} (GPIO{line}) is already used by `{other}`',
    hints: ['choose another pin and move the wire to it', 'free on the header: {free:or}'],
  },
  C133: {
    what: 'the port {port} is already used by the bus `{other}`',
    hints: ['one bus per port: plug the devices into `{other}`, or correct the port'],
  },
  C134: {
    what: '{channel} and {other} would be the same sensor `{sensor}` in the city',
    hints: ['give one of them another name: sentilo: { sensor: … }'],
  },
  C135: {
    what: 'nothing of this device is switched on',
    hints: ['switch on a reading of {board}, or write `enabled: false` for the device'],
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
  C138: {
    by: 'kind',
    of: {
      value: {
        what: '{board} cannot work with `{name}: {written}`',
        hints: [
          '`{name}` can be {choices:or}',
          '`{name}` is from {least} to {most}',
          '`{name}` is at least {atLeast}',
          '`{name}` is at most {atMost}',
          '`{name}` is more than {above}',
          '{other} works with other values: its manual says which',
          'this value is the `{inBoard}:` of the board file: correct it there, or write another one under `with:` here',
        ],
      },
      type: {
        what: 'the board file of {board} declares `{name}` as `type: {declared}`, and its driver takes {wanted:wanted}',
        hints: ['types that give {wanted:wanted}: {wanted:givenBy}'],
      },
      empty: {
        what: '{board} needs to know `{name}`',
        hints: ['write: with: { {name}: {example} }'],
      },
      missing: {
        what: 'the board file of {board} lacks the parameter `{name}`, which its driver `{driver}` asks for',
        hints: ['write in the board file under `with:` {name}: {declaration}'],
      },
      unknown: {
        what: 'the board file of {board} declares `{name}`, which its driver `{driver}` does not know',
        hints: ['remove it in the board file under `with:`, or look for a typing mistake in its name'],
      },
    },
  },
  C139: {
    by: 'kind',
    of: {
      reading: { what: 'there is no reading `{name}`', hints: ['did you mean {candidates:or}?', 'write it as device.reading'] },
      output: { what: 'there is no output `{name}`', hints: ['did you mean {candidates:or}?', 'write it as device.output'] },
    },
  },
  C140: {
    what: '{device} does nothing yet: this version cannot use the ports of {board}',
    hints: ['everything else of this site runs'],
  },
  C141: {
    what: '{board} needs {needs:places}, but its driver `{driver}` is made for {driverNeeds:places}',
    hints: ['correct `needs:` or `driver:` in the board file'],
  },
  C142: {
    what: '{device} cannot run: its values would be wrong, because this version does not use {keys} of {board}',
    hints: ['switch these readings off to use the others: `enabled: false`', 'everything else of this site runs'],
  },
  C144: {
    by: 'kind',
    of: {
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
  C148: {
    what: 'what is asked of `{bus}` cannot fit: its bytes alone need {percent} % of the time',
    hints: [
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
  C147: {
    what: '`{written}` is no host',
    hints: ['a name or an address and nothing else: `192.168.1.20`; the port goes into `tcp_port:`'],
  },
  C155: {
    what: 'with `framing: rtu` there is one question at a time: its frames do not say which question they answer',
    hints: ['remove `in_flight:`'],
  },
  C154: {
    what: 'no analogue input gives {found} V',
    hints: ['a point is the voltage at the input, in volts, and then the true value: `[[2.71, 0], [1.18, 100]]`'],
  },
  C152: {
    what: '`{key}` makes no sense for {reading}: its values are no numbers',
    hints: ['remove it'],
  },
  C153: {
    what: 'this text cannot be the value of a reading',
    hints: ['it is at most 120 bytes long, and all of it can be seen: no tabs, no line ends'],
  },
  C143: {
    what: '`{key}` makes no sense for {reading}: it is no amount that rises and falls',
    hints: ['write `last_of:` with a time, or `on_change: true`'],
  },
};
