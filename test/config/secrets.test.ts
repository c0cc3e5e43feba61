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
    ['as an unknown word elsewhere', `${GATEWAY}sentilo: { ${CITY}, token: ${CANARY}, catalog: ${CANARY} }\n`],
  ])('%s is never shown', async (_title, text) => {
    const output = await outputsOf(text);
    expect(output).not.toBe(problemsAsJson([]));
    expect(output).not.toContain(CANARY);
    expect(output).not.toContain('\ue000');
  });

  it('in an included file is never shown', async () => {
    const output = await outputsOf(`include: [secrets.yaml]\n${GATEWAY}`, {
      'secrets.yaml': `sentilo: { ${CITY}, token: ${CANARY} }\n`,
    });
    expect(output).toContain('secrets.yaml:1');
    expect(output).not.toContain(CANARY);
  });

  it('is shown as stars of one width, and carets stay under what is meant', async () => {
    for (const secret of ['x1', 'a-secret-of-thirty-characters-']) {
      const lines = (await outputsOf(`${GATEWAY}sentilo: { ${CITY}, token: "${secret}", sned: 1 }\n`)).split('\n');
      const frame = lines.findIndex((line) => line.includes('C021')) + 3;
      expect(lines[frame]).toContain('token: "************", sned');
      expect(lines[frame + 1]?.indexOf('^')).toBe(lines[frame]?.indexOf('sned'));
    }
  });

  it('of a name that is right stays readable', async () => {
    expect(await outputsOf(`${GATEWAY}sentilo: { ${CITY}, token: { secret: sentilo_token }, x: 1 }\n`)).toContain(
      '{ secret: sentilo_token }',
    );
  });
});

describe('finish', () => {
  it('hides a secret also in parameters and paths', () => {
    const document = parseYaml(join('a', 'b.yaml'), `token: ${CANARY}\n`);
    const { problems } = finish(document, [document], [document.problem('C021', [CANARY], { key: CANARY, allowed: [CANARY] })]);
    expect(JSON.stringify(problems)).not.toContain(CANARY);
  });
});
