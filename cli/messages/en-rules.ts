import type { Messages } from './catalogue.ts';

/** English for what is wrong with the rules of a site, and with the alarms that they raise. */
export const enRules: Messages = {
  C170: {
    what: '{output} takes no orders of rules',
    hints: ['write at it: `orders: [{orders}]`'],
  },
  C171: {
    what: 'a condition needs a limit, and `{reading}` has none here',
    hints: [
      'write `above:` or `below:` with a number, or both for what lies between them',
      'of a yes-or-no reading yes is 1 and no is 0: `above: 0.5` is yes',
    ],
  },
  C172: {
    by: 'kind',
    of: {
      empty: {
        what: 'nothing is above {above} and below {below}',
        hints: ['`below` is the higher of the two: exchange them', 'for one or the other write two rules'],
      },
      equal: {
        what: 'nothing is above {above} and below {below}',
        hints: ['write a higher `below`, or leave one of the two out'],
      },
      never: {
        what: 'this never holds: `{reading}` lies from {low} to {high}',
        hints: ['write a limit between the two', 'what lies beyond counts as suspect, and no rule goes by it'],
      },
      always: {
        what: 'this always holds: `{reading}` lies from {low} to {high}',
        hints: ['write a limit between the two, or leave the condition out'],
      },
    },
  },
  C173: {
    by: 'kind',
    of: {
      text: {
        what: 'a text is neither above nor below: `{reading}`',
        hints: ['name a reading with numbers, or one that is yes or no'],
      },
      position: {
        what: 'a place is neither above nor below: `{reading}`',
        hints: ['name a reading with numbers, or one that is yes or no'],
      },
    },
  },
  C174: {
    by: 'kind',
    of: {
      set: { what: '`{output}` is to be set, and nobody says to what', hints: ['write `set: on` or `set: off`'] },
      for: {
        what: '`for` makes no sense here: this is the safe state of {output}, which may last',
        hints: ['remove `for:`', 'or write `safe: {safe}` at {output}, as its board has it'],
      },
      say: {
        what: '`say` belongs to an alarm, and an output is set here',
        hints: ['move it into a rule with `do: { alarm: …, say: … }`'],
      },
      alarm: {
        what: '`{key}` belongs to an output, and an alarm is raised here',
        hints: ['remove it', 'how long something must hold before the alarm stands at `when:`'],
      },
    },
  },
  C175: {
    by: 'kind',
    of: {
      reading: { what: '`{id}` is not read, so that this rule would never hold', hints: ['write `enabled: true` at {place}'] },
      output: { what: '`{id}` is switched off, so that this rule could do nothing', hints: ['write `enabled: true` at {place}'] },
    },
  },
  C176: {
    by: 'kind',
    of: {
      off: {
        what: '`{id}` is not there for this rule: {device} is switched off',
        hints: ['write `enabled: true` at devices.{device}, or take the rule out'],
      },
      skipped: {
        what: '`{id}` is not there for this rule: {device} cannot run in this version',
        hints: ['the file can stay as it is: a rule does nothing without what it names'],
      },
    },
  },
  C177: {
    by: 'kind',
    of: {
      grammar: {
        what: '`{written}` cannot be the name of an alarm',
        hints: ['small letters, digits and `_`, a letter first', 'did you mean {candidates:or}?'],
      },
      reserved: { what: 'the gateway itself raises `{written}`', hints: ['choose another name, such as `{written}_rule`'] },
    },
  },
  C178: {
    what: 'nobody raises an alarm `{key}`',
    hints: [
      'did you mean {candidates:or}?',
      'known here: {known}',
      'an alarm of your own is raised by a rule: `do: { alarm: {key}, say: … }`',
    ],
  },
  C179: {
    what: '{forMs:ms} is more than {output} may be on: it goes back after {maxMs:ms}',
    hints: ['write `for: {maxMs:ms}`', 'or a longer `max_on:` at it, where that is safe'],
  },
  C181: {
    what: '{output} goes on and off at the same {limit} of `{reading}`: each value that trembles there would switch it, which wears it out',
    hints: ['leave a gap between the limits of the two rules', 'or write `for:` below their `when:`, such as `for: 2min`'],
  },
};
