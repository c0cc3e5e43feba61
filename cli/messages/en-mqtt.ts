import type { Messages } from './catalogue.ts';

/** Problems of `mqtt:`. */
export const enMqtt: Messages = {
  C185: {
    what: '`{written}` is not the address of an MQTT broker',
    hints: ['write it like mqtts://broker.example.cat:8883', 'in your own network, without encryption: mqtt://192.0.2.10'],
  },
  C186: {
    what: 'an address may not hold a user or password',
    hints: ['remove everything before the @', 'write `user: NAME` and `password: { secret: broker_password }` under `mqtt:`'],
  },
  C187: {
    by: 'case',
    of: {
      characters: {
        what: 'this cannot be a topic: it is too long, or holds characters that brokers refuse',
        hints: ['write at most 256 characters, like "{example}"'],
      },
      unknown: {
        what: 'a topic knows no `{name}`',
        hints: ['did you mean {candidates:or}?', 'it knows {known}'],
      },
      wildcard: {
        what: 'a topic that is written to holds no `+` and no `#`',
        hints: ['brokers end the connection over it: those are for whoever listens', 'remove it'],
      },
      empty: {
        what: 'this topic has an empty level',
        hints: ['remove the `/` at its beginning or end, or the second of two'],
      },
      dollar: {
        what: 'topics that begin with `$` are the broker’s own',
        hints: ['begin it with another word, like {example}'],
      },
      missing: {
        what: 'this topic lacks `{name}`, so that several readings would be one',
        hints: ['write it like "{example}"'],
      },
      twice: { what: '`{name}` stands twice in this topic', hints: ['once is enough'] },
      level: {
        what: '`{name}` is not a level of its own',
        hints: ['put a `/` before and after it', 'write it like "{example}"'],
      },
      prefix: {
        what: 'nothing stands before {own:and} that is this gateway’s own',
        hints: ['what stands before them is what the broker gives this gateway: begin it like {example}'],
      },
      order: {
        what: '`{name}` stands behind {own:or}',
        hints: ['what stands before them is what the broker gives this gateway: begin it like {example}'],
      },
    },
  },
  C188: {
    by: 'case',
    of: {
      both: {
        what: 'a broker knows a gateway by a token, or by user and password',
        hints: ['remove `token:`, or `user:` and `password:`', 'a token is sent as the user name, without a password'],
      },
      user: {
        what: 'a password needs a user',
        hints: [
          'write `user: NAME` above it',
          'where the broker gave you one word only, write `token: { secret: broker_token }`',
        ],
      },
    },
  },
  C189: {
    what: 'readings and password go to {host} unencrypted',
    hints: ['whoever is in that network can read them', 'write mqtts:// in the address if the broker offers it'],
  },
  C190: {
    what: 'with `qos: 0` nobody says whether a reading has arrived',
    hints: ['write `qos: 1`, or leave it out', 'what is lost on the way would be lost for good'],
  },
  C191: {
    what: '{output} takes orders over MQTT, and this site has no broker',
    hints: ['add `mqtt: { url: … }`', 'or take `mqtt` out of `orders:`'],
  },
  C192: {
    what: 'nothing in `topic:` tells this gateway from another one',
    hints: ['two with this pattern would write over each other', 'write it like {example}'],
  },
};
