import type { DiskContent } from './disk-content.ts';

/** One change of a folder that is not durable yet: names that go, then a name that comes. */
interface Change {
  readonly folder: string;
  readonly removes?: string;
  readonly adds?: { readonly path: string; readonly content: DiskContent };
  /** Never durable without this one: a file that moves to another folder is in one of the two at least. */
  readonly after?: Change;
}

/** The names of a simulated disk's files: as programs see them, and what a crash may leave of their changes. */
export class DiskNames {
  #files = new Map<string, DiskContent>();
  /** The names as they are after a crash that keeps no change. */
  #durable = new Map<string, DiskContent>();
  #pending: Change[] = [];

  get(path: string): DiskContent | undefined {
    return this.#files.get(path);
  }

  get paths(): IterableIterator<string> {
    return this.#files.keys();
  }

  get contents(): IterableIterator<DiskContent> {
    return this.#files.values();
  }

  create(path: string, content: DiskContent): void {
    this.#change({ folder: folderOf(path), adds: { path, content } });
  }

  unlink(path: string): void {
    this.#change({ folder: folderOf(path), removes: path });
  }

  rename(from: string, to: string, content: DiskContent): void {
    const adds = { path: to, content };
    if (folderOf(from) === folderOf(to)) this.#change({ folder: folderOf(from), removes: from, adds });
    else {
      const arrival = { folder: folderOf(to), adds };
      this.#change(arrival);
      this.#change({ folder: folderOf(from), removes: from, after: arrival });
    }
  }

  /** Makes all changes of one folder durable. */
  sync(folder: string): void {
    const synced = new Set<Change>();
    for (const change of this.#pending) {
      if (change.folder !== folder) continue;
      if (change.after !== undefined) synced.add(change.after);
      synced.add(change);
    }
    for (const change of this.#pending) if (synced.has(change)) apply(this.#durable, change);
    this.#pending = this.#pending.filter((change) => !synced.has(change));
  }

  /**
   * Keeps of the changes that are not durable what chance has brought to the disk: of each folder those up to one of them, or
   * of each name. Changes of one name keep their order in any case.
   */
  crash(random: () => number): void {
    const kept = random() < 0.5 ? keepByFolder(this.#pending, random) : keepByName(this.#pending, random);
    for (const change of this.#pending) if (kept.has(change)) apply(this.#durable, change);
    this.#pending = [];
    this.#files = new Map(this.#durable);
  }

  /** Names a file durably, as if it had always been there. */
  put(path: string, content: DiskContent): void {
    this.#files.set(path, content);
    this.#durable.set(path, content);
    this.#pending = this.#pending.filter((change) => change.removes !== path && change.adds?.path !== path);
  }

  /** A person deletes everything in a folder, durably. */
  remove(folder: string): void {
    const isInside = (path: string | undefined) => path?.startsWith(`${folder}/`) === true;
    for (const names of [this.#files, this.#durable]) {
      for (const path of names.keys()) if (isInside(path)) names.delete(path);
    }
    this.#pending = this.#pending.filter((change) => !isInside(change.removes) && !isInside(change.adds?.path));
  }

  /** The same names on another disk, with what is durable and what is not, or, if `isDurable`, with what programs see. */
  copy(isDurable: boolean): DiskNames {
    const copies = new Map<DiskContent, DiskContent>();
    const copyOf = (content: DiskContent) => {
      const copy = copies.get(content) ?? content.copy(isDurable);
      copies.set(content, copy);
      return copy;
    };
    const copyAll = (names: ReadonlyMap<string, DiskContent>) =>
      new Map([...names].map(([path, content]) => [path, copyOf(content)]));
    const copy = new DiskNames();
    copy.#files = copyAll(this.#files);
    copy.#durable = copyAll(isDurable ? this.#files : this.#durable);
    if (isDurable) return copy;
    const changes = new Map<Change, Change>();
    copy.#pending = this.#pending.map((change) => {
      const { adds, after } = change;
      const copied: Change = {
        ...change,
        ...(adds === undefined ? {} : { adds: { path: adds.path, content: copyOf(adds.content) } }),
        ...(after === undefined ? {} : { after: changes.get(after) ?? after }),
      };
      changes.set(change, copied);
      return copied;
    });
    return copy;
  }

  #change(change: Change): void {
    apply(this.#files, change);
    this.#pending.push(change);
  }
}

/** The folder that a path is in. */
export function folderOf(path: string): string {
  return path.slice(0, Math.max(1, path.lastIndexOf('/')));
}

function apply(names: Map<string, DiskContent>, { removes, adds }: Change): void {
  if (removes !== undefined) names.delete(removes);
  if (adds !== undefined) names.set(adds.path, adds.content);
}

function keepByFolder(pending: readonly Change[], random: () => number): Set<Change> {
  const left = new Map<string, number>();
  for (const { folder } of pending) left.set(folder, (left.get(folder) ?? 0) + 1);
  for (const [folder, count] of left) left.set(folder, Math.floor(random() * (count + 1)));
  const kept = new Set<Change>();
  for (const change of pending) {
    const count = left.get(change.folder) ?? 0;
    left.set(change.folder, count - 1);
    if (count > 0) keep(change, kept);
  }
  return kept;
}

function keepByName(pending: readonly Change[], random: () => number): Set<Change> {
  const rate = random();
  const lost = new Set<string>();
  const kept = new Set<Change>();
  for (const change of pending) {
    const names = [change.removes, change.adds?.path].filter((name) => name !== undefined);
    if (!names.some((name) => lost.has(name)) && random() < rate) keep(change, kept);
    else for (const name of names) lost.add(name);
  }
  return kept;
}

function keep(change: Change, kept: Set<Change>): void {
  if (change.after !== undefined) kept.add(change.after);
  kept.add(change);
}
