/** Why a device of a board does not run, by the code of the note that its site gets. */
const WHY: Readonly<Record<string, (driver: string) => string>> = {
  C136: (driver) => `this version has no driver \`${driver}\``,
  C137: () => 'this version cannot read MQTT yet',
  C140: () => 'this version cannot use its ports',
  C142: () => 'this version does not use all keys of its readings, and would give wrong values',
};

/** What `barri board list` says. */
export const text = {
  /** A file of a technician's own can call itself what it likes. */
  status: (status: string, isProven: boolean) => (status === 'verified' && !isProven ? 'calls itself verified' : status),
  runs: 'runs',
  runsNot: (code: string | undefined, driver: string) => {
    if (code === undefined) return 'does not run: a site that uses it has errors';
    return `does not run: ${WHY[code]?.(driver) ?? code}`;
  },
  wrong: (file: string) => `has errors: \`barri check ${file}\` shows them`,
  provenBy: (vectors: readonly string[]) => {
    const files = new Map<string, string[]>();
    for (const vector of vectors) {
      const [file = '', ...rest] = vector.split('/');
      files.set(file, [...(files.get(file) ?? []), rest.join('/')]);
    }
    return `proven by ${[...files].map(([file, ids]) => `${file}: ${ids.join(', ')}`).join('; ')}`;
  },
  counts: ({ verifiedCount, communityCount }: { readonly verifiedCount: number; readonly communityCount: number }) =>
    `${verifiedCount} verified: a recording or published example of others gives its value through the board and its driver.\n` +
    `${communityCount} community: nothing of that kind has been tried on them.\n`,
  unusedHead: 'Recordings and examples of others that are not used, and why:\n',
  unused: (ids: readonly string[], why: string) => `${ids.join(', ')}: ${why}`,
  allUnused: (count: number, why: string) => `all ${count}: ${why}`,
};
