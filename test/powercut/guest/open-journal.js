// Stands in the place of dist/gateway/journal/open-journal.js in the guest's copy of the gateway, and nowhere else: the
// journal it opens is the built one, which lies beside it under another name. It tells the host what that journal holds
// after the power cut and every record that it acknowledges, at the one place where an acknowledgement is what it is: the
// promise of `append` has resolved.

import { createHash } from 'node:crypto';
import { openSync, writeSync } from 'node:fs';
import { basename } from 'node:path';
import { openJournal as openBuilt } from './built-open-journal.js';

export * from './built-open-journal.js';

/** Records read at once. */
const PAGE = 500;
const DIGEST_LENGTH = 12;

// A write returns when the host has taken the bytes, so that nothing that was said is lost with the power.
const port = openSync(process.env.WITNESS_PORT, 'w');

/** Sizes of a journal whose files are sealed, thinned and deleted within seconds: a site file takes none this small. */
const SMALL_FILES = { maxSizeBytes: 128 << 10, slotBytes: 16 << 10, blockFileBytes: 8 << 10 };

/**
 * As the original, with a witness. With SMALL_FILES=1 its files are small; with WITHOUT_SYNC=1 nothing that it writes is
 * ever synced.
 */
export async function openJournal(disk, folder, options) {
  say('OPENING');
  let journal;
  // A file that is deleted is no longer among those that the journal has: what was in it is known from before.
  const known = new Map();
  const look = () => {
    for (const file of journal?.stats().files ?? []) known.set(file.file, file);
    return known;
  };
  const card = watched(process.env.WITHOUT_SYNC === '1' ? unsynced(disk) : disk, look);
  journal = await openBuilt(card, folder, process.env.SMALL_FILES === '1' ? { ...options, ...SMALL_FILES } : options);
  await tellWhatIsThere(journal);
  const append = async (record, urgent) => {
    const sequence = await journal.append(record, urgent);
    say(`ACK ${sequence} ${digest(record)}`);
    look();
    return sequence;
  };
  return over(journal, { append });
}

/** The same object with other methods in the place of some. */
function over(original, methods) {
  return new Proxy(original, {
    get: (target, name) => {
      if (Object.hasOwn(methods, name)) return methods[name];
      const value = target[name];
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

function say(line) {
  writeSync(port, `${line}\n`);
}

async function tellWhatIsThere(journal) {
  const { lastSequence } = journal.stats();
  for (let from = 1; from <= lastSequence; ) {
    const page = await journal.read(from, PAGE);
    if (page.length === 0) break;
    say(page.map(({ sequence, record }) => `HAS ${sequence} ${digest(record)}`).join('\n'));
    from = page.at(-1).sequence + 1;
  }
  say('OPENED');
}

/** Of everything in a record, whatever the order of its fields. */
function digest(record) {
  const text = JSON.stringify(record, (_key, value) =>
    isPlain(value) ? Object.fromEntries(Object.entries(value).sort()) : value,
  );
  return createHash('sha256').update(text).digest('hex').slice(0, DIGEST_LENGTH);
}

function isPlain(value) {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * Says which files come and go before they do, so that the host can cut the power just then; and of a file that is deleted
 * or replaced, which sequences the journal is about to give up or to thin.
 */
function watched(disk, look) {
  const sayFile = (operation, path) => {
    const name = basename(path);
    const old = look().get(name);
    if (old !== undefined && operation !== 'create') say(`DROPS ${firstInName(name) ?? old.firstSequence} ${old.lastSequence}`);
    say(`FILE ${operation} ${name}`);
  };
  return over(disk, {
    open: async (path, mode) => {
      if (mode === 'create' && (await disk.size(path)) === undefined) sayFile('create', path);
      return await disk.open(path, mode);
    },
    rename: async (from, to) => {
      sayFile('rename', to);
      await disk.rename(from, to);
    },
    unlink: async (path) => {
      sayFile('delete', path);
      await disk.unlink(path);
    },
  });
}

/** A file that was thinned before begins with the window of its first record, which has the sequence of the last in it. */
function firstInName(name) {
  const digits = /\d{12}/.exec(name)?.[0];
  return digits === undefined ? undefined : Number(digits);
}

function unsynced(disk) {
  const nothing = async () => {};
  return over(disk, { open: async (path, mode) => over(await disk.open(path, mode), { fdatasync: nothing }), fsyncDir: nothing });
}
