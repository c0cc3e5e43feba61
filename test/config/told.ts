import { expect } from 'vitest';
import { textOf } from '../../cli/messages/catalogue.ts';
import { en } from '../../cli/messages/en.ts';
import { loadText } from './site-files.ts';

/** `code what: hint; hint` of every problem of a text of one severity, errors unless said otherwise. */
export async function told(
  text: string,
  files: Readonly<Record<string, string>> = {},
  only: 'error' | 'warning' | 'note' = 'error',
): Promise<readonly string[]> {
  const { problems } = await loadText(text, files);
  const found = problems.filter(({ severity }) => severity === only);
  return found.map(({ code, parameters }) => {
    const { what, hints } = textOf(en, code, parameters);
    expect(hints).not.toEqual([]);
    return `${code} ${what}: ${hints.join('; ')}`;
  });
}
