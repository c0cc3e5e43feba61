import type { Problem, ProblemParameters } from './problem.ts';
import type { YamlNode } from './yaml-tree.ts';

/**
 * Stands in a source for each character of a secret that somebody wrote into the file, so that columns stay right and
 * the secret goes no further than the loader. Whoever shows the source draws any run of it as stars of a fixed width.
 * A private-use character: no file of ours has a meaning for it.
 */
export const CONCEALED = '\uE000';

/** What a concealed text looks like to people, however long it was. */
export const STARS = '************';

/** Keys whose value is a secret wherever they stand, also in a file that cannot be parsed or under a wrong parent. */
const SECRET_KEYS: ReadonlySet<string> = new Set(['token', 'password']);
const SECRET_LINE = /((?:token|password)["']?[ \t]*:[ \t]*(?:&\S+[ \t]+)?)("[^"\n]*"?|'[^'\n]*'?|[^\s{&*#|>][^,}\n]*)/gi;
const SECRET_BLOCK =
  /^([ \t]*)((?:- +)?["']?(?:token|password)["']?[ \t]*:[ \t]*(?:&\S+[ \t]+)?[|>][^\n]*\n)((?:\1[ \t]+[^\n]*\n?|[ \t]*\n)+)/gim;
const URL_PASSWORD = /(\w+:\/\/[^\s:/@"']*:)([^\s/@"']+)(?=@)/g;

/** Every text of a document that must not be shown: under `token:` or `password:`, and passwords in addresses. */
export function secretsIn(root: YamlNode | undefined): string[] {
  const found = new Set<string>();
  const walk = (node: YamlNode, isSecret: boolean): void => {
    if (node.kind === 'scalar') {
      const text = node.source ?? String(node.scalar ?? '');
      // A name under `secret:` is checked elsewhere; what does not look like a name may be the secret itself.
      if (isSecret && text !== '') found.add(text);
      for (const match of text.matchAll(URL_PASSWORD)) found.add(match[2] ?? '');
    }
    for (const [key, child] of node.children) {
      const isName = key === 'secret' && /^[a-z][a-z0-9_]*$/.test(String(child.scalar));
      walk(child, (isSecret && !isName && key !== 'note') || SECRET_KEYS.has(key.toLowerCase()));
    }
  };
  if (root) walk(root, false);
  return [...found];
}

/** The source with every secret replaced by as many CONCEALED. */
export function conceal(source: string, secrets: readonly string[]): string {
  const hide = (text: string) => text.replace(/[^\n]/g, CONCEALED);
  let concealed = source
    .replace(SECRET_LINE, (_all, before: string, secret: string) => {
      const [, open = '', inner = '', close = ''] = /^(["']?)(.*?)(["']?\s*)$/.exec(secret) ?? [];
      return before + open + hide(inner) + close;
    })
    .replace(SECRET_BLOCK, (_all, indent: string, head: string, body: string) => indent + head + hide(body))
    .replace(URL_PASSWORD, (_all, before: string, secret: string) => before + hide(secret));
  for (const secret of secrets) {
    concealed = concealed.replace(wholeWord(secret), hide);
    // A text in quotes is not always written as it reads.
    concealed = concealed.replace(wholeWord(JSON.stringify(secret).slice(1, -1)), hide);
  }
  return concealed;
}

/** The problem with every secret replaced by stars in its path and parameters. */
export function concealIn(problem: Problem, secrets: readonly string[]): Problem {
  const hide = (text: string) => secrets.reduce((rest, secret) => rest.replace(wholeWord(secret), STARS), text);
  const parameters: ProblemParameters = Object.fromEntries(
    Object.entries(problem.parameters).map(([name, value]) => [
      name,
      typeof value === 'string' ? hide(value) : typeof value === 'number' ? value : value.map(hide),
    ]),
  );
  return { ...problem, path: hide(problem.path), parameters };
}

/** Long secrets are hidden anywhere; a short one only as a word of its own, or every `1` of a file would become stars. */
function wholeWord(secret: string): RegExp {
  const escaped = secret.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  return new RegExp(secret.length >= 6 ? escaped : `(?<!\\w)${escaped}(?!\\w)`, 'g');
}
