import type { Messages } from './catalogue.ts';

/** English for what is wrong with boards and what a site says of their readings and outputs, and with the secrets of a site. */
export const enBoards: Messages = {
  C090: {
    by: 'kind',
    of: {
      file: {
        what: 'the secret `{name}` is not here: {path} ({reason:refusals})',
        hints: ['write it there and nothing else with it: `{make}`', 'then let nobody else read it: `{close}`'],
      },
      folder: {
        what: 'the secret `{name}` is a folder, and not a file: {path}',
        hints: [
          'put a file in its place, and write the secret into it and nothing else: `{command}`',
          'then let nobody else read it: `{close}`',
        ],
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
  C093: {
    what: 'the certificate authority cannot be read: {path} ({reason:refusals})',
    hints: ['give the path of a PEM file that this user may read'],
  },
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
  C118: {
    what: 'the file of `{board}` holds the board `{id}`',
    hints: ['correct `id:` in {file}, or rename the file: boards are found by their file name'],
  },
  C120: {
    what: '{board} has no reading `{reading}`',
    hints: [
      'did you mean {candidates:or}?',
      '`{output}` is an output of it: write it under `outputs:`',
      'it has: {known}',
      'a {bare} has no readings at all: remove it',
    ],
  },
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
    by: 'kind',
    of: {
      digits: {
        what: 'a 1-Wire address has 12 hexadecimal digits after the family, this has {digits}',
        hints: ['did you mean {candidates:or}?', 'compare it with the names in /sys/bus/w1/devices, such as 28-0316a2799dff'],
      },
      marks: {
        what: '`{written}` is not written as a 1-Wire address: the family, a hyphen, and 12 hexadecimal digits',
        hints: ['did you mean {candidates:or}?', 'compare it with the names in /sys/bus/w1/devices, such as 28-0316a2799dff'],
      },
      letters: {
        what: 'a 1-Wire address has no {letters:or}: its digits are 0 to 9 and a to f',
        hints: ['did you mean {candidates:or}?', 'compare it with the names in /sys/bus/w1/devices, such as 28-0316a2799dff'],
      },
    },
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
  C127: {
    what: '{board} has no output `{reading}`',
    hints: ['did you mean {candidates:or}?', 'it has: {known}', 'a {bare} has no outputs at all: remove it'],
  },
  C129: {
    what: '{at} looks like a number of a manual',
    hints: [
      'it is used as it stands: {bytes} on the wire',
      'if the manual counts from {first}, write {other}',
      'what it counts from {first} is read with `read_with: {table}`',
    ],
  },
  C134: {
    what: '{channel} and {other} would be the same sensor `{sensor}` in the city',
    hints: ['give one of them another name: sentilo: { sensor: … }'],
  },
  C135: {
    what: 'nothing of this device is switched on',
    hints: ['switch on a reading of {board}, or write `enabled: false` for the device'],
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
          'the address of a {board} begins with {family}: this is one of another kind of device',
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
      reading: {
        what: 'there is no reading `{name}`',
        hints: [
          '`{other}` is an output: a rule goes by readings',
          'did you mean {candidates:or}?',
          'write it as device.reading',
          'this site has: {known}',
        ],
      },
      output: {
        what: 'there is no output `{name}`',
        hints: [
          '`{other}` is a reading: nothing can be switched by it',
          'did you mean {candidates:or}?',
          'write it as device.output',
          'this site has: {known}',
        ],
      },
    },
  },
  C141: {
    what: '{board} needs {needs:places}, but its driver `{driver}` is made for {driverNeeds:places}',
    hints: ['correct `needs:` or `driver:` in the board file'],
  },
  C142: {
    what: '{device} cannot run: its values would be wrong, because this version does not use {keys} of {board}',
    hints: ['switch these readings off to use the others: `enabled: false`', 'everything else of this site runs'],
  },
  C143: {
    what: '`{key}` makes no sense for {reading}: it is no amount that rises and falls',
    hints: ['write `last_of:` with a time, or `on_change: true`'],
  },
  C152: {
    what: '`{key}` makes no sense for {reading}: its values are no numbers',
    hints: ['remove it'],
  },
  C161: {
    what: '`{key}` makes no sense for {reading}: each value is what came since the one before, and every one would be changed by it',
    hints: ['write `scale:` alone'],
  },
  C162: {
    what: '{output} is safe when it is on, so it cannot be kept from being on with others: every start switches it on',
    hints: ['take it out of `never_with:`', 'or write `safe: off` at it, where that is safe'],
  },
  C163: {
    what: 'nothing can be above or below a number in `{reading}`: its values are no numbers',
    hints: ['name a reading of numbers, such as a flow, a current or a power'],
  },
  C164: {
    what: 'the output would never do what is expected of it: `{reading}` is not taken',
    hints: ['take `enabled: false` from the reading or its device, or name another reading'],
  },
  C165: {
    what: '`expect` says neither `above` nor `below`: nothing could be seen of it',
    hints: ['write at least one of the two, such as `above: 0.5`'],
  },
  C166: {
    what: '{output} is safe when it is on, so it cannot be made safe when it does not do what is expected then',
    hints: ['remove `expect:`', 'or write `safe: off` at it, where that is safe'],
  },
  C167: {
    what: '`within` is too short: `{reading}` is taken every {seconds} s, and might not be taken at all until then',
    hints: ['make it longer than that', 'or write a shorter `every:` at the device of the reading'],
  },
  C168: {
    what: '`never_with` of {output} names {output} itself, which then could never be on',
    hints: ['name the other output that it is never on together with, or remove `never_with:`'],
  },
  C169: {
    by: 'kind',
    of: {
      empty: {
        what: 'nothing is above {above} and below {below}, so that the output would never do what is expected of it',
        hints: ['`below` is the higher of the two: exchange them'],
      },
      equal: {
        what: 'nothing is above {above} and below {below}, so that the output would never do what is expected of it',
        hints: ['write a higher `below`, or leave one of the two out'],
      },
      never: {
        what: 'the output would never do what is expected of it: `{reading}` lies from {low} to {high}',
        hints: ['write a limit between the two', 'what lies beyond counts as suspect, and is not seen'],
      },
      always: {
        what: 'this is seen whatever the output does: `{reading}` lies from {low} to {high}',
        hints: ['write a limit between the two'],
      },
    },
  },
  C153: {
    what: 'this text cannot be the value of a reading',
    hints: ['it is at most 120 bytes long, and all of it can be seen: no tabs, no line ends'],
  },
  C158: {
    what: '`valid` makes no sense for `{parameter}`: its values are no numbers, or are named by `choices:`',
    hints: ['remove it'],
  },
  C156: {
    what: '`{reading}` lies in a hole of the registers: the device has nothing there',
    hints: ['correct `at:`, or take its registers out of {hole} under `holes:`'],
  },
  C146: {
    what: '`{written}` is no whole number of steps of {step}',
    hints: ['write {fits}, or another multiple of the step'],
  },
  C154: {
    what: 'no analogue input gives {found} V',
    hints: ['a point is the voltage at the input, in volts, and then the true value: `[[2.71, 0], [1.18, 100]]`'],
  },
};
