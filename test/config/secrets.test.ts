import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { problemsAsJson, renderProblems } from '../../cli/render-problems.ts';
import { finish } from '../../config/load-site.ts';
import { parseYaml } from '../../config/yaml-document.ts';
import { HEAD, loadText } from './site-files.ts';

const CANARY = 'cAnAry-0a1b2c3d';
const LOOK = { isTerminal: false, columns: 100, rows: 40, env: {} };
const GATEWAY = 'schema: gateway/v1\ngateway: { id: demo }\n';
const CITY = 'url: https://sentilo.example.cat, provider: makers';

/** Everything that a person or a script gets to see of a check. */
async function outputsOf(text: string, files: Readonly<Record<string, string>> = {}): Promise<string> {
  const site = await loadText(text, files);
  return renderProblems(site.problems, site.sources, LOOK) + problemsAsJson(site.problems);
}

describe('a secret in a file', () => {
  it.each([
    ['in its place', `${GATEWAY}sentilo: { ${CITY}, token: ${CANARY} }\n`],
    ['in quotes', `${GATEWAY}sentilo: { ${CITY}, token: "${CANARY}" }\n`],
    ['beside another mistake of the line', `${GATEWAY}sentilo: { urll: x, ${CITY}, token: ${CANARY}, sned: 1 }\n`],
    ['through an anchor', `${GATEWAY}note: &t ${CANARY}\nweb: { prot: 80 } # ${CANARY}\nsentilo: { ${CITY}, token: *t }\n`],
    ['through <<', `${GATEWAY}mqtt: &m { token: ${CANARY}, x: 1 }\nsentilo:\n  <<: *m\n  provider: makers\n`],
    ['as the name of a secret', `${GATEWAY}sentilo: { ${CITY}, token: { secret: "${CANARY}" } }\n`],
    ['under a wrong parent', `${GATEWAY}gatway: { token: ${CANARY} }\ntoken: ${CANARY}\n`],
    ['in a file that cannot be parsed', `${GATEWAY}sentilo: { token: ${CANARY}, url: [ }\n`],
    ['in a block of several lines', `${GATEWAY}sentilo:\n  url: x\n  token: |\n    ${CANARY}\n   provider: "\n`],
    [
      'in the address',
      `${GATEWAY}sentilo: { url: "https://user:${CANARY}@sentilo.example.cat", provider: makers, token: { secret: t } }\n`,
    ],
    ['in the password of a bus', `${HEAD}  nodes: { type: mqtt, url: x, password: ${CANARY}, prt: 1 }\n`],
    ['without a space behind the colon', `${GATEWAY}sentilo:\n  token:${CANARY}\n`],
    ['without a space, in braces', `${GATEWAY}sentilo: { ${CITY}, token:${CANARY} }\n`],
    ['in braces of its own', `${GATEWAY}sentilo: { ${CITY}, token: {${CANARY}} }\n`],
    ['as a key', `${GATEWAY}sentilo: { ${CITY}, token: { ${CANARY}: 1 } }\n`],
    ['as a list', `${GATEWAY}sentilo: { ${CITY}, token: [${CANARY}] }\n`],
    ['that starts like an alias', `${GATEWAY}sentilo: { ${CITY}, token: *${CANARY} }\n`],
    ['that starts like a tag', `${GATEWAY}sentilo: { ${CITY}, token: !${CANARY} }\n`],
    ['that starts like an anchor', `${GATEWAY}sentilo:\n  token: &${CANARY} x y: z\n`],
    ['that starts like a comment', `${GATEWAY}sentilo:\n  token: #${CANARY}\n  url: x\n`],
    ['that starts like a block', `${GATEWAY}sentilo:\n  token: |${CANARY}\n  url: x\n`],
    ['that starts like a folded block', `${GATEWAY}sentilo:\n  token: >${CANARY}\n  url: x\n`],
    ['after a non-breaking space', `${GATEWAY}sentilo:\n  token:\u00a0${CANARY}\n`],
    ['after a non-breaking space without a colon', `${GATEWAY}sentilo:\n  token\u00a0${CANARY}\n`],
    ['after a space without a colon', `${GATEWAY}sentilo:\n  token ${CANARY}\n`],
    ['after an equals sign', `${GATEWAY}sentilo:\n  token=${CANARY}\n`],
    ['after a quote that is doubled', `${GATEWAY}sentilo:\n  token: 'ab''${CANARY}' x\n`],
    ['after a quote that is escaped', `${GATEWAY}sentilo:\n  token: "ab\\"${CANARY}" x\n`],
    ['on the line below, with an error', `${GATEWAY}sentilo:\n  token:\n    ${CANARY}\n   url: [\n`],
    ['on the line below in the same column', `${GATEWAY}sentilo:\n  token:\n  ${CANARY}\n  url: x\n`],
    ['on two lines', `${GATEWAY}sentilo:\n  token: "abc\n    ${CANARY}" x\n  url: x\n`],
    ['in a comment behind a token', `${GATEWAY}sentilo: { ${CITY}, token: x # ${CANARY}\n  , sned: 1 }\n`],
    ['in a comment', `${GATEWAY}sentilo: 1 # token: ${CANARY}\n`],
    ['as the user of an address', `${GATEWAY}sentilo: { url: "https://${CANARY}@host", provider: m, token: { secret: t } }\n`],
    ['with a slash in an address', `${GATEWAY}mqtt: { url: "mqtt://u:pp/${CANARY}@h", topc: 1 }\n`],
    ['with an at sign in an address', `${GATEWAY}sentilo: { url: "ftp://u:a@${CANARY}@h", provider: m, token: { secret: t } }\n`],
    ['under a user', `${GATEWAY}mqtt: { url: x, user: { secret: ${CANARY} } }\n`],
    ['under a user, like a name', `${GATEWAY}mqtt:\n  url: x\n  user: { secret: canary_0a1b2c3d }\n`],
    ...['tokn', 'toke', 'pasword', 'passwd', 'pwd', 'apikey', 'api_key', 'psk', 'secret', 'IDENTITY_KEY', 'Password'].map(
      (key) => [`under ${key}`, `${GATEWAY}sentilo: { ${CITY}, ${key}: ${CANARY} }\n`],
    ),
    ['as an unknown word elsewhere', `${GATEWAY}sentilo: { ${CITY}, token: ${CANARY}, catalog: ${CANARY} }\n`],
  ])('%s is never shown', async (_title, text) => {
    const output = await outputsOf(text);
    expect(output).not.toBe(problemsAsJson([]));
    expect(output.toLowerCase()).not.toContain('0a1b2c3d');
    expect(output).not.toContain('\ue000');
  });

  it('is never shown, however it is written', async () => {
    const between = [': ', ':', '=', ' = ', ' : ', '\u00a0', ' ', '\t', ':\u00a0', '\u2003:\u2003', '\uff1a', ':\u200b'];
    const values = [
      '§',
      "'§'",
      '{§}',
      '{ x: § }',
      '[ §',
      '{ secret: § }',
      '{secret:§}',
      '{ secret: ok } # §',
      '\n    secret: ok # §',
      '{ secret: ok } §',
      '{ secret: ok, §: 1 }',
    ];
    const more = ['!x §', '&a §', '&a\n    §', '|\n    §', '"a\n     §"', 'a\n    §: x', '"§" "§"', '§, §', '§: x', '? §', '- §'];
    const last = [
      '\n  - §',
      '\n\n  §\n',
      '\n# c\n    §',
      '@§',
      '`§',
      '"§',
      'true # §',
      'true, §',
      '\n    secret:\n      §',
      '{ <<: *§ }',
    ];
    for (const key of ['token', "'password'", 'tokn']) {
      for (const separator of between) {
        for (const value of [...values, ...more, ...last]) {
          const written = key + separator + value.replaceAll('§', CANARY);
          const output = await outputsOf(`${GATEWAY}sentilo:\n  url: x\n  ${written}\n  sned: 1\n`);
          expect(output.toLowerCase(), written).not.toContain('0a1b2c3d');
        }
      }
    }
  });

  it('in an included file is never shown', async () => {
    const output = await outputsOf(`include: [secrets.yaml]\n${GATEWAY}`, {
      'secrets.yaml': `sentilo: { ${CITY}, token: ${CANARY} }\n`,
    });
    expect(output).toContain('secrets.yaml:1');
    expect(output).not.toContain(CANARY);
  });

  it.each([
    ['overridden by a reference', `token: ${CANARY}`, `token: { secret: t }`],
    ['overridden as a list', `token: [${CANARY}]`, `token: { secret: t }`],
  ])('in an included file is refused where it stands, also when it is %s', async (_title, included, own) => {
    const site = await loadText(`include: [a.yaml]\n${GATEWAY}sentilo: { ${CITY}, ${own} }\n`, {
      'a.yaml': `note: x\nsentilo: { ${included} }\n`,
    });
    expect(
      site.problems.filter(({ severity }) => severity === 'error').map(({ code, place }) => [code, place.file, place.line]),
    ).toEqual([['C050', 'a.yaml', 2]]);
  });

  it('is not confused with the name that is proposed for it', async () => {
    const output = await outputsOf(`${GATEWAY}sentilo: { ${CITY}, token: !secret sentilo_token }\n`);
    expect(output).toContain('secrets/sentilo_token beside this one');
  });

  it('is shown as stars of one width, and carets stay under what is meant', async () => {
    for (const secret of ['x1', 'a-secret-of-thirty-characters-']) {
      const lines = (await outputsOf(`${GATEWAY}sentilo: { ${CITY}, token: "${secret}", sned: 1 }\n`)).split('\n');
      const frame = lines.findIndex((line) => line.includes('C021')) + 3;
      expect(lines[frame]).toContain('token: "************", sned');
      expect(lines[frame + 1]?.indexOf('^')).toBe(lines[frame]?.indexOf('sned'));
      const alone = (await outputsOf(`${GATEWAY}sentilo: { ${CITY}, token: !x ${secret} }\n`)).split('\n');
      expect(alone.find((line) => line.includes('token: *'))).toMatch(/token: \*{12}$/);
    }
  });

  it.each([
    [
      'in braces',
      `${GATEWAY}sentilo: { ${CITY}, token: { secret: sentilo_token }, x: 1 }\n`,
      'token: { secret: sentilo_token }, x: 1 }',
    ],
    ['in a block', `${GATEWAY}sentilo:\n  token:\n    secret: sentilo_token\n    secret: other_token\n`, 'secret: other_token'],
    ['of a parameter of a board', `schema: board/v1\nwith: { pin: { secret: true, x: 1 } }\n`, 'secret: true, x: 1'],
  ])('of a name that is right stays readable %s', async (_title, text, expected) => {
    expect(await outputsOf(text)).toContain(expected);
  });
});

describe('more secrets than can be looked for', () => {
  it('are refused, and nothing of the file is shown', async () => {
    const tokens = Array.from({ length: 101 }, (_, index) => `t${index}: { token: ${CANARY}${index} }\n`).join('');
    const site = await loadText(GATEWAY + tokens);
    expect(site.problems.map(({ code }) => code)).toEqual(['C063']);
    expect([...site.sources]).toEqual([]);
  });
});

describe('finish', () => {
  it('hides a secret also in parameters and paths', () => {
    const document = parseYaml(join('a', 'b.yaml'), `token: ${CANARY}\n`);
    const { problems } = finish(document, [document], [document.problem('C021', [CANARY], { key: CANARY, allowed: [CANARY] })]);
    expect(JSON.stringify(problems)).not.toContain(CANARY);
  });
});
