// What is accepted, and what no code acts on in this version.

import { describe, expect, it } from 'vitest';
import { HEAD, loadText } from './site-files.ts';

async function notes(text: string): Promise<string[]> {
  const { problems } = await loadText(text);
  const found = problems.filter(({ code }) => code === 'C060');
  return found.map(({ path, place, parameters }) => `${path} ${place.column} ${String(parameters['keys'])}`);
}

describe('a note on what is not active yet', () => {
  it.each([
    ['the languages, which alarms and names go by', 'web: { languages: [ca, en] }', []],
    ['the page', 'web: { languages: [ca], port: 8080, enabled: true }', ['web.enabled 37 enabled,port']],
    ['an empty page', 'web: {}', []],
  ])('%s', async (_what, line, expected) => {
    expect(await notes(`${HEAD}${line}\n`)).toEqual(expected);
  });

  it('points at the key itself', async () => {
    const text = HEAD.replace('token:', 'backlog_older_than: { drop: 3d }, token:');
    const column = (text.split('\n')[2]?.indexOf('backlog_older_than') ?? 0) + 1;
    expect(await notes(text)).toEqual([`sentilo.backlog_older_than ${column} backlog_older_than`]);
  });
});
