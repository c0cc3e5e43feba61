import type { Messages } from './catalogue.ts';

/** Of a problem in an entry of a list. */
const IN_LIST = 'this is entry {entry} of the list';

/** English for what is wrong with files, with their syntax and with single values. */
export const enFiles: Messages = {
  C001: {
    what: 'there is no file `{file}`',
    hints: ['check the name, and the folder that the command runs in', 'it is looked for in {beside}'],
  },
  C002: {
    what: 'this user may not read `{file}`',
    hints: ['`ls -ld {file}` shows who may, `sudo chmod a+rX {file}` allows it to everybody'],
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
    by: 'kind',
    of: {
      keys: {
        what: 'two keys run into each other here',
        hints: [
          'a space belongs behind the colon: `{tight}: …`',
          'a key stands on a line of its own: `key: value`',
          'a line that belongs to the key above it stands two spaces further in, and the key above then has no value of its own',
          'a text that holds `: ` needs quotes: `name: "Yard: north"`',
        ],
      },
      colon: {
        what: 'a colon is missing in this line',
        hints: ['a key has one behind it, as in `devices:`, and what belongs to it stands below, two spaces further in'],
      },
    },
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
        hints: [
          'lines of one block start in the same column; use two spaces a level',
          'or the colon of a key is missing, or the space behind it: `via: i2c1`',
        ],
      },
    },
  },
  C008: { what: '`{file}` is a folder', hints: ['name the file in it'] },
  C009: {
    what: '`{file}` cannot be read ({reason:refusals})',
    hints: ['check the card or disk: the system refused to read the file'],
  },
  C010: {
    what: 'this cannot be read as YAML',
    hints: [
      'put the text in quotes if it starts with one of @ ` % & * ! | > [ ] { }',
      'check the columns: lines of one block start in the same column',
    ],
  },
  C011: {
    what: 'a tab stands at the start of this line',
    hints: ['and of {others|more line|more lines}', 'YAML indents with spaces only: replace the tab by two spaces a level'],
  },
  C012: {
    by: 'kind',
    of: {
      key: { what: '`{key}` stands twice in this block', hints: ['it is first on line {line}: keep one of the two'] },
      merge: {
        what: '`<<` stands twice in this block',
        hints: ['it is first on line {line}: write both in one, `<<: [{both}]`; of what both say the first counts'],
      },
    },
  },
  C013: {
    what: 'a second document starts here',
    hints: ['a file holds one document: remove the line `---`, or move the rest into a file of its own'],
  },
  C014: {
    what: 'a comma inside { } ends the text; put the text in quotes',
    hints: ['what stands behind the comma became a key of its own: write the whole text as "…, …"'],
  },
  C015: {
    by: 'kind',
    of: {
      space: {
        what: 'a {character} stands where a normal space belongs',
        hints: [
          'it looks like a space (U+00A0 is the non-breaking space of web pages) but is none for YAML',
          'delete it and type a normal space, or nothing at the end of a line',
        ],
      },
      unseen: {
        what: 'a {character} stands here, which nobody can see',
        hints: ['it came with a text that was copied: delete it and type nothing in its place', 'or type this word anew'],
      },
    },
  },
  C016: {
    what: 'there is no anchor `&{name}` above this line',
    hints: [
      'it stands on line {below}: put that block above this one',
      'anchors above it: {known}',
      'write `&{missing}` behind the key of the block that is meant',
    ],
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
    by: 'kind',
    of: {
      other: {
        what: 'tags such as `{tag}` are not allowed',
        hints: ['remove the word that starts with `!`; the type of a value follows from its key'],
      },
      secret: {
        what: 'tags such as `{tag}` are not allowed',
        hints: ['write { secret: sentilo_token } in its place, with the name of the file under secrets/'],
      },
      include: {
        what: 'tags such as `{tag}` are not allowed',
        hints: ['write at the top of the file: include: [common.yaml]; what it holds is merged under this file'],
      },
    },
  },
  C021: {
    what: 'unknown key `{key}`',
    hints: [
      'did you mean {candidates:or}?',
      'a device or bus belongs under `{under}:` and stands two spaces further in than it',
      '{because:because!}',
      'allowed here: {allowed}',
    ],
  },
  C022: {
    what: '`{key}` is missing',
    hints: [
      'write `{key}:` at the edge of the file, on a line of its own above `{above}`',
      'it belongs under `{parent}`: write `{key}: …`',
      'such as `{key:lines!}`',
      'such as `{example:lines!}`',
    ],
  },
  C023: {
    by: 'case',
    of: {
      value: {
        what: '`{key}` takes {expected:kinds}, and `{written}` is {found:kinds}',
        hints: ['write {expected:kinds} in its place', 'such as {examples}', IN_LIST],
      },
      'list-for-value': {
        what: '`{key}` takes {expected:kinds}, and a list stands here',
        hints: ['write one value behind `{key}:`, without `-` and without [ ]', 'such as {examples}', IN_LIST],
      },
      'map-for-value': {
        what: '`{key}` takes {expected:kinds}, and a block of keys stands here',
        hints: ['write one value behind `{key}:`, on the same line', 'such as {examples}', IN_LIST],
      },
      'value-for-list': {
        what: '`{key}` takes a list, and `{written}` stands here',
        hints: ['write it in brackets, also where it is only one: [{brackets}]', 'write it like {examples}', IN_LIST],
      },
      pairs: {
        what: '`{key}` takes pairs, each in brackets of its own, and `{written}` stands here',
        hints: ['{key:pairs!}', 'write it like {brackets}'],
      },
      'map-for-list': {
        what: '`{key}` takes a list, and a block of keys stands here',
        hints: ['write each entry on a line of its own, with `- ` before it', 'such as {examples}', IN_LIST],
      },
      'value-for-map': {
        what: '`{key}` takes a block of keys, and `{written}` stands here',
        hints: [
          'put a space behind each colon: `{colon}: …`',
          'write it behind `{address}:`, on a line of its own below `{key}:` that stands two spaces further in',
          'to switch it off, write `{off}`',
          'write its keys below `{key}:`, each on a line of its own that stands two spaces further in: {keys}',
          'write an id, such as `{ids}:`, on a line of its own below `{key}:`, two spaces further in',
          IN_LIST,
        ],
      },
      'list-for-map': {
        what: '`{key}` takes a block of keys, and a list stands here',
        hints: [
          'write its keys below `{key}:`, without `-` and without [ ]: {keys}',
          'write an id before each, without `-` and without [ ], such as `{ids}:`, and what belongs to it behind or below that',
          IN_LIST,
        ],
      },
      file: {
        what: 'a file holds a block of keys, and here stands {found:kinds}',
        hints: ['write on the first line `schema: gateway/v1`, or `schema: board/v1` for a board, and below it `gateway:`'],
      },
    },
  },
  C024: {
    what: '`{key}` cannot be `{written}`',
    hints: ['did you mean {candidates:or}?', '{state:states!}', 'it can be: {choices}'],
  },
  C025: {
    by: 'bound',
    of: {
      least: { what: '`{written}` is too small for `{key}`', hints: ['at least {amount}', 'from {from} to {to}'] },
      most: {
        what: '`{written}` is too large for `{key}`',
        hints: [
          'at most {amount}',
          'from {from} to {to}',
          'if it is a number of a manual that counts from {first}, write {other}',
        ],
      },
      more: { what: '`{written}` is too small for `{key}`', hints: ['more than {amount}'] },
      zero: {
        what: '`{key}` cannot be {written}: every value would be the same',
        hints: ['write another number; 1 leaves the values as they are'],
      },
    },
  },
  C026: {
    what: '`{key}` cannot be an id',
    hints: [
      'did you mean {candidates:or}?',
      'small letters, digits and `_`, with a letter first: `balcony`, `flat_1`',
      'a name for people goes into `name:`',
    ],
  },
  C027: { what: '`{written}` is a text here, not true or false', hints: ['write {meant}'] },
  C028: {
    what: '`{written}` can be read as different numbers',
    hints: ['write {number} if that is what is meant', 'put it in quotes if it is a text'],
  },
  C029: { what: 'nothing stands under `{key}:`', hints: ['remove it, or write what belongs there'] },
  C030: { what: 'a key must be a text', hints: ['write `key: value`'] },
  C031: { what: '`{key}` cannot be used as a key', hints: ['choose another word'] },
  C032: { what: 'the file holds more than 20000 keys and values', hints: ['check that this is the right file'] },
  C033: {
    what: '`{written}` has no unit',
    hints: [
      'write {short}ms for milliseconds, or {short}s for seconds',
      'write {number}s for seconds, or {number}min for minutes',
    ],
  },
  C034: { what: '`{written}` could mean minutes or metres', hints: ['write {number}min'] },
  C035: {
    what: '`{written}` is not a length of time',
    hints: ['did you mean {candidates:or}?', 'a number with ms, s, min, h or d: `30s`, `5min`, `1h30min`; at most 400d'],
  },
  C036: {
    what: '`{written}` is not a size',
    hints: ['did you mean {candidates:or}?', 'a number with a unit: `500MiB`, `1GiB`; units: {units}', 'from {least} to {most}'],
  },
  C037: { what: '`{written}` is not a time of day', hints: ['write it as "06:30", from "00:00" to "23:59"'] },
  C038: {
    what: '`{written}` is not written as it should be here',
    hints: ['`barri schema gateway` and `barri schema board` print what is allowed'],
  },
  C039: {
    what: '`{written}` has no unit that belongs here',
    hints: ['did you mean {candidates:or}?', 'write it like {example}; units: {units}'],
  },
  C041: {
    what: '`{written}` cannot be an id',
    hints: ['did you mean {candidates:or}?', 'small letters, digits and `-`, at most 40 characters: `escola-poblenou-01`'],
  },
  C042: { what: '`{written}` cannot be an id in the city', hints: ['Sentilo takes letters, digits, `_` and `-`'] },
  C180: {
    what: '`{written}` cannot be the id of a provider or application in the city',
    hints: ['Sentilo takes letters, digits, `_` and `-`; in a city of several tenants the tenant stands before it: `tenant@id`'],
  },
  C043: { what: 'the limits stand in the wrong order', hints: ['the lower one first: write [{high}, {low}]'] },
  C044: {
    by: 'case',
    of: {
      none: {
        what: '`{key}` needs {choices:or}',
        hints: ['write one of them below `{key}:`', 'such as {example}', IN_LIST],
      },
      several: {
        what: '`{key}` takes only one of {found:and}',
        hints: ['keep one of them and remove the others', IN_LIST],
      },
    },
  },
  C045: {
    by: 'case',
    of: {
      key: {
        what: '`{key}` does not go with `{kind}`',
        hints: ['remove `{key}`', 'or write what it belongs to: {owner}', 'what goes with `{kind}`: {allowed}'],
      },
      value: { what: '`{key}` does not go with `{kind}`', hints: ['write {allowed:or} in its place', 'or remove it'] },
    },
  },
  C046: {
    by: 'kind',
    of: {
      'array-least': {
        what: 'this list needs at least {amount|entry|entries}',
        hints: ['write them in [ ], with commas between them'],
      },
      points: {
        what: 'fewer than {amount} points make no line',
        hints: ['a second one is missing, at another raw value: such as [[2.71, 0], [1.18, 100]]'],
      },
      'array-most': { what: 'this list takes at most {amount|entry|entries}', hints: ['remove some of them'] },
      'string-least': { what: 'this text needs at least {amount|character|characters}', hints: ['write a longer one'] },
      'string-most': { what: 'this text takes at most {amount|character|characters}', hints: ['write a shorter one'] },
    },
  },
  C047: { what: '`{written}` is not a time zone', hints: ['write it like Europe/Madrid'] },
  C048: { what: 'two points have the same raw value', hints: ['each point is [raw, true]; a raw value has one true value'] },
  C049: { what: '`{written}` is not a version', hints: ['three numbers: 1.0.0'] },
  C050: {
    what: 'a secret may not be written in this file',
    hints: [
      'store it in the file secrets/{name} beside this one (chmod 600), and write here `{ secret: {name} }`',
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
  C060: {
    what: 'accepted, not active in this version: {keys}',
    hints: ['nothing acts on it yet; the file can stay as it is', 'this is so for all of these: {of}'],
  },
  C061: { what: 'without `sentilo:` nothing is sent', hints: ['readings are kept on this machine only'] },
  C062: { what: '`web` is now called `local`', hints: ['write `local`: orders from the command line and from the page'] },
  C063: {
    what: 'more than {most} secrets are written in this file and those it includes',
    hints: ['store them in files under secrets/ and write `{ secret: NAME }`: until then nothing else of the file is shown'],
  },
  C064: { what: 'the apostrophe before this ends the text', hints: ['put the text in double quotes: "Pati de l\'escola"'] },
  C065: {
    what: 'the file does not say what it is',
    hints: ['write on the first line: `schema: gateway/v1`, or `schema: board/v1` for a board'],
  },
  C066: {
    what: 'this version does not know `schema: {schema}`',
    hints: ['did you mean {candidates:or}?', 'it knows: {known}', 'a higher number needs a newer barri: see `barri --version`'],
  },
  C067: { what: '`{schema}` is not checked in this version', hints: ['`barri check` looks at gateway, board and world files'] },
  C069: { what: '`{written}` is a text because of its quotes', hints: ['remove the quotes: {written}'] },
  C070: { what: '`{written}` is no number: it has a comma', hints: ['write {number}: with a point, and without quotes'] },
  C068: {
    what: 'no gateway or board files are in `{file}`',
    hints: [
      'they are called gateway.yaml or board.yaml, or their names end in .gateway.yaml or .board.yaml',
      'a name that ends in .yml is not looked at: rename it',
    ],
  },
};
