import { describe, expect, it } from 'vitest';
import type { TimeAnchor } from '../../gateway/record.ts';
import { observation, open, WALL_MS } from './kit.ts';
import { ModelDisk } from './model-disk.ts';

const anchor = (boot: string, monotonicMs: number): TimeAnchor => ({
  kind: 'anchor',
  boot,
  monotonicMs,
  wallMs: WALL_MS + monotonicMs,
  wallQuality: 'synced',
  source: 'test',
  errorMs: 1,
});

describe('the time anchor of a boot', () => {
  it('is the first one, from when it is durable, in this process and in later ones', async () => {
    const disk = new ModelDisk();
    const journal = await open(disk);
    expect(journal.anchorOf('b1')).toBeUndefined();
    await journal.append(observation(1));
    await journal.append(anchor('b1', 5000));
    await journal.append(anchor('b1', 9000));
    await journal.append(anchor('b2', 700));
    disk.crash(() => 0);
    for (const each of [journal, await open(disk)]) {
      expect(each.anchorOf('b1')).toEqual(anchor('b1', 5000));
      expect(each.anchorOf('b2')).toEqual(anchor('b2', 700));
      expect(each.anchorOf('b3')).toBeUndefined();
    }
  });

  it('does not exist before it is durable', async () => {
    const disk = new ModelDisk();
    const journal = await open(disk);
    disk.fault = (operation) => (operation === 'fdatasync' ? 'hang' : undefined);
    void journal.append(anchor('b1', 5000));
    await new Promise((resolve) => setImmediate(resolve));
    expect(journal.anchorOf('b1')).toBeUndefined();
  });
});
