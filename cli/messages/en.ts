import type { Catalogue } from './catalogue.ts';

/** English. Another language is a file like this one with the same codes; only the words differ. */
export const en: Catalogue = {
  or: 'or',
  severity: { error: 'error', warning: 'warning', note: 'note' },
  summary: (files, errors, warnings, notes) => `${files} file(s): ${errors} errors, ${warnings} warnings, ${notes} notes`,
  words: {
    kinds: {
      text: 'a text',
      number: 'a number',
      integer: 'a whole number',
      boolean: 'true or false',
      map: 'a block of keys',
      list: 'a list',
    },
    carries: { '3V3': '3.3 V', '5V': '5 V', ground: 'ground', id: 'the identification of add-on boards' },
  },
  messages: {
    // ------------------------------------------------------------------------------------------------ files and syntax
    C001: { what: 'there is no file `{file}`', hints: ['check the name, and the folder that the command runs in'] },
    C002: {
      what: 'this user may not read `{file}`',
      hints: ['run `ls -l {file}` to see who may, or `chmod a+r {file}` to allow it to everybody'],
    },
    C003: {
      what: 'the file is too large',
      hints: ['a configuration has at most 256 KiB; check that this is the right file'],
    },
    C004: {
      what: 'the file is empty',
      hints: ['the first line says what it is: `schema: gateway/v1`, or `schema: board/v1` for a board'],
    },
    C005: {
      what: 'this is not a text file in UTF-8',
      hints: ['save it as UTF-8 text; a word processor or a picture cannot be read'],
    },
    C006: {
      what: 'two keys run into each other here',
      hints: [
        'a key stands on a line of its own: `key: value`',
        'a line that belongs to the key above it stands two spaces further in, and the key above then has no value of its own',
        'a text that holds `: ` needs quotes: `name: "Yard: north"`',
      ],
    },
    C007: {
      by: 'kind',
      of: {
        quote: {
          what: 'the quotation mark that opens here is never closed',
          hints: ['put the same mark at the end of the text'],
        },
        bracket: {
          what: 'the bracket that opens here is never closed',
          hints: ['`[` needs `]`, and `{` needs `}`, on a line that stands further in than the key'],
        },
        indent: {
          what: 'this line does not stand in the right column',
          hints: ['lines of one block start in the same column; use two spaces a level'],
        },
      },
    },
    C008: { what: '`{file}` is a folder', hints: ['name the file in it'] },
    C009: { what: '`{file}` cannot be read ({reason})', hints: ['check the card or disk: the system refused to read the file'] },
    C010: {
      what: 'this cannot be read as YAML',
      hints: [
        'put the text in quotes if it starts with one of @ ` % & * ! | > [ ] { }',
        'check the columns: lines of one block start in the same column',
      ],
    },
    C011: {
      what: 'a tab stands at the start of this line',
      hints: ['YAML indents with spaces only: replace the tab by two spaces a level'],
    },
    C012: { what: '`{key}` stands twice in this block', hints: ['it is first on line {line}: keep one of the two'] },
    C013: {
      what: 'a second document starts here',
      hints: ['a file holds one document: remove the line `---`, or move the rest into a file of its own'],
    },
    C014: {
      what: 'a comma inside { } ends the text; put the text in quotes',
      hints: ['`{text}` became a key of its own: write the whole text as "…, {text}"'],
    },
    C015: {
      what: 'a {character} stands where a normal space belongs',
      hints: [
        'it looks like a space (U+00A0 is the non-breaking space of web pages) but is none for YAML',
        'delete it and type a normal space',
      ],
    },
    C016: {
      what: 'there is no anchor `&{name}` above this line',
      hints: ['anchors of this file: {known}', 'write `&{name}` behind the key of the block that is meant'],
    },
    C017: {
      what: 'aliases repeat too much of this file',
      hints: ['at most {most} aliases are followed; give the common settings once under `defaults:`'],
    },
    C018: {
      what: 'the file nests deeper than 20 levels',
      hints: ['no format here needs that; look for brackets that are never closed'],
    },
    C019: {
      what: '`<<` takes a block, and this is none',
      hints: ['write `<<: *name`, where `&name` stands behind the key of a block'],
    },
    C020: {
      what: 'tags such as `{tag}` are not allowed',
      hints: ['remove the word that starts with `!`; the type of a value follows from its key'],
    },
    C021: { what: 'unknown key `{key}`', hints: ['did you mean {candidates:or}?', 'allowed here: {allowed}'] },
    C022: { what: '`{key}` is missing', hints: ['it belongs under `{parent}`: write `{key}: …`'] },
    C023: { what: 'this must be {expected:kinds}', hints: ['`{written}` is {found:kinds}'] },
    C024: {
      what: '`{written}` is none of the words that belong here',
      hints: ['did you mean {candidates:or}?', 'possible: {choices}'],
    },
    C025: {
      by: 'bound',
      of: {
        least: { what: '`{written}` is too small', hints: ['at least {amount}'] },
        most: { what: '`{written}` is too large', hints: ['at most {amount}'] },
        more: { what: '`{written}` is too small', hints: ['more than {amount}'] },
      },
    },
    C026: {
      what: '`{key}` cannot be an id',
      hints: ['small letters, digits and `_`, with a letter first: `balcony`, `flat_1`', 'a name for people goes into `name:`'],
    },
    C027: { what: '`{written}` is a text here, not true or false', hints: ['write {meant}'] },
    C028: {
      what: '`{written}` can be read as different numbers',
      hints: ['write {number} if that is what is meant', 'put it in quotes if it is a text'],
    },
    C029: { what: 'nothing stands under `{key}:`', hints: ['remove the line, or write what belongs under it'] },
    C030: { what: 'a key must be a text', hints: ['write `key: value`'] },
    C031: { what: '`{key}` cannot be used as a key', hints: ['choose another word'] },
    C032: { what: 'the file holds more than 20000 keys and values', hints: ['check that this is the right file'] },
    C033: { what: '`{written}` has no unit', hints: ['write {number}s for seconds, or {number}min for minutes'] },
    C034: { what: '`{written}` could mean minutes or metres', hints: ['write {number}min'] },
    C035: {
      what: '`{written}` is not a length of time',
      hints: ['a number with ms, s, min, h or d: `30s`, `5min`, `1h30min`; at most 400d'],
    },
    C036: { what: '`{written}` is not a size', hints: ['a number with a unit: `500MiB`, `1GiB`'] },
    C037: { what: '`{written}` is not a time of day', hints: ['write it as "06:30", from "00:00" to "23:59"'] },
    C038: {
      what: '`{written}` is not written as it should be here',
      hints: ['`barri schema gateway` and `barri schema board` print what is allowed'],
    },
    C039: { what: '`{written}` has no unit that belongs here', hints: ['write it like {example}; units: {units}'] },
    C041: {
      what: '`{written}` cannot be an id',
      hints: ['small letters, digits and `-`, at most 40 characters: `escola-poblenou-01`'],
    },
    C042: { what: '`{written}` cannot be an id in the city', hints: ['Sentilo takes letters, digits, `_` and `-`'] },
    C043: { what: 'the limits stand in the wrong order', hints: ['the lower one first: write [{high}, {low}]'] },
    C044: { what: 'exactly one of several keys belongs here', hints: ['one of: {choices}', 'found: {found}'] },
    C045: { what: '`{key}` does not go with `{kind}`', hints: ['with it: {allowed}'] },
    C047: { what: '`{written}` is not a time zone', hints: ['write it like Europe/Madrid'] },
    C048: { what: 'two points have the same raw value', hints: ['each point is [raw, true]; a raw value has one true value'] },
    C049: { what: '`{written}` is not a version', hints: ['three numbers: 1.0.0'] },
    C050: {
      what: 'a secret may not be written in this file',
      hints: [
        'store it in the file secrets/{name} beside this one (chmod 600) and write: { secret: {name} }',
        'this value was not stored, logged or sent; change it if the file was shared',
      ],
    },
    C051: {
      what: 'this cannot be the name of a secret',
      hints: [
        'small letters, digits and `_`, with a letter first: { secret: sentilo_token }',
        'if it is the secret itself, change it: the file may have been shared',
      ],
    },
    C052: {
      what: 'the token would go to {host} unencrypted',
      hints: ['write https:// in the address', 'if the city offers nothing else, say so: `insecure_http: true` under `sentilo:`'],
    },
    C053: { what: '`{written}` is not the address of a Sentilo server', hints: ['write it like https://sentilo.example.cat'] },
    C054: { what: '`{name}` includes this file again', hints: ['remove one of the two `include:` entries'] },
    C055: { what: 'includes go deeper than {most} files', hints: ['include the files from the site file itself'] },
    C056: { what: 'a site has at most {most} files', hints: ['put several of them together'] },
    C057: {
      what: 'an included file must hold a block of keys',
      hints: ['write it like a part of a gateway file: `devices:` and so on'],
    },
    C058: {
      what: 'an address may not hold a user or password',
      hints: ['remove everything before the @; the city knows the gateway by its token'],
    },
    C060: { what: 'accepted, not active in this version: {keys}', hints: ['nothing acts on it yet; the file can stay as it is'] },
    C061: { what: 'without `sentilo:` nothing is sent', hints: ['readings are kept on this machine only'] },
    C062: { what: '`web` is now called `local`', hints: ['write `local`: orders from the command line and from the page'] },
    C065: {
      what: 'the file does not say what it is',
      hints: ['write on the first line: `schema: gateway/v1`, or `schema: board/v1` for a board'],
    },
    C066: {
      what: 'this version does not know `schema: {schema}`',
      hints: ['did you mean {candidates:or}?', 'it knows: {known}', 'a higher number needs a newer barri: see `barri --version`'],
    },
    C067: { what: '`{schema}` is not checked in this version', hints: ['`barri check` looks at gateway and board files'] },
    C068: { what: 'no gateway or board files are in `{file}`', hints: ['their names end in .gateway.yaml and .board.yaml'] },

    // ------------------------------------------------------------------------------------------------ boards and wiring
    C090: {
      what: 'the secret `{name}` is not here: {path} ({reason})',
      hints: ['write it there and nowhere else, then: chmod 600 {path}'],
    },
    C091: { what: 'others on this machine can read the secret `{name}`', hints: ['chmod 600 {path}'] },
    C092: { what: 'the secret `{name}` is empty', hints: ['write it into {path}'] },
    C094: {
      what: 'the secret `{name}` holds a character that no token has',
      hints: ['letters, digits and signs of ASCII, without spaces: copy it into {path} again'],
    },
    C093: {
      what: 'the certificate authority cannot be read: {path} ({reason})',
      hints: ['give the path of a PEM file that this user may read'],
    },
    C099: { what: '`{board}` does not name a board', hints: ['write the id and the major version: `{write}`'] },
    C100: { what: 'the board file of `{board}` has errors', hints: ['they are shown with {file}'] },
    C101: {
      what: 'no board called `{board}`',
      hints: ['did you mean {candidates:or}?', 'a board of your own goes into boards/ beside this file'],
    },
    C102: {
      what: '`{board}` has the version {version} here',
      hints: ['its readings may have other names or units: look at its file, then write `{write}`'],
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
      hints: ['write the pin as it is counted on the header, `gpio.pin11`, or the number of the chip, `gpio.17`'],
    },
    C112: {
      what: '{board} needs {needs}, but `{via}` gives {gives}',
      hints: ['write the id of a bus or port that gives {needs}'],
    },
    C113: {
      what: 'pin {pin} carries {carries:carries}, it cannot be read or switched',
      hints: ['choose a GPIO pin, such as gpio.pin11'],
    },
    C114: { what: 'pin {pin} (GPIO{line}) belongs to the bus `{other}`', hints: ['choose another pin'] },
    C115: {
      what: '{port} can change its name after a restart',
      hints: [
        'write `usb:VID:PID`, with the two numbers that `lsusb` prints, or `by-path:…` with a name from /dev/serial/by-path',
      ],
    },
    C116: { what: '`{device}` has no port for `{via}`', hints: ['did you mean {candidates:or}?', '{board} offers: {known}'] },
    C117: {
      what: '`{port}` is no serial port',
      hints: ['`usb:VID:PID`, `usb:VID:PID@serial`, `by-path:…`, `header`, or a path such as /dev/ttyAMA0'],
    },
    C120: { what: '{board} has no reading `{reading}`', hints: ['did you mean {candidates:or}?', 'it has: {known}'] },
    C121: { what: '{board} has no parameter `{name}`', hints: ['did you mean {candidates:or}?', 'it has: {known}'] },
    C122: { what: '{board} needs to know `{name}`', hints: ['write: with: { {name}: {example} }'] },
    C123: {
      what: 'the driver `{driver}` does not give {reading} of {board}',
      hints: ['it gives: {known}', 'correct the board file'],
    },
    C124: {
      what: 'a 1-Wire address has 12 hexadecimal digits after the family, this has {digits}',
      hints: ['compare it with the names in /sys/bus/w1/devices, such as 28-0316a2799dff; letters are small'],
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
          hints: ['say what it shall be when nobody controls it: {name}: { safe: off }'],
        },
        max_on: {
          what: '{output} does not say how long it may be on',
          hints: ['write `max_on: 30min`, or `max_on: unlimited` if the load may stay on'],
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
    C132: { what: 'pin {pin} (GPIO{line}) is already used by `{other}`', hints: ['choose another pin'] },
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
    C137: { what: '{device} cannot run: this version cannot use `{via}`', hints: ['everything else of this site runs'] },
    C138: {
      by: 'kind',
      of: {
        value: {
          what: 'the driver `{driver}` does not take `{name}` of {board} like this',
          hints: ['correct the parameter here or in the board file'],
        },
        unknown: {
          what: 'the driver `{driver}` knows no parameter `{name}`, which {board} declares',
          hints: ['remove it under `with:` in the board file'],
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
      what: '{board} needs {needs}, but its driver `{driver}` is made for {driverNeeds}',
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

    // ---------------------------------------------------------------------------------------------- simulated Sentilo
    W001: { what: '`{id}` stands twice', hints: ['keep one of the two'] },
    W002: { what: 'two entities have one token', hints: ['give `{id}` a token of its own'] },
    W003: { what: 'there is no entity `{name}`', hints: ['known: {known}'] },
    W004: { what: '`{name}` is not in `{list}`', hints: ['add it to `{list}`'] },
    W010: {
      what: 'accepted, not simulated in this version: {key}',
      hints: ['nothing acts on it yet; the file can stay as it is'],
    },
  },
};
