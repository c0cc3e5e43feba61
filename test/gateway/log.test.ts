import { expect, test } from 'vitest';
import { jsonLog } from '../../gateway/log.ts';
import { TestClock } from '../support/test-clock.ts';

function written(options: Partial<Parameters<typeof jsonLog>[0]> = {}) {
  const lines: string[] = [];
  const clock = new TestClock({ ms: Date.UTC(2026, 10, 25, 12), quality: 'synced' });
  const log = jsonLog({ clock, write: (line) => lines.push(line), level: 'info', journald: false, ...options });
  return { log, lines };
}

test('writes one JSON object a line; a field can never take the place of the event', () => {
  const { log, lines } = written();
  log('error', 'journal-failing', { code: 'ENOSPC', time: 1, level: 'debug', waiting: 3 });
  expect(lines).toHaveLength(1);
  expect(JSON.parse(lines[0] ?? '')).toEqual({
    time: '2026-11-25T12:00:00.000Z',
    level: 'error',
    code: 'journal-failing',
    waiting: 3,
  });
  expect(lines[0]).toMatch(/\n$/);
});

test('leaves out what is less serious than asked for, cuts long texts, and tells errors by their message', () => {
  const { log, lines } = written({ level: 'warning' });
  log('info', 'device-back');
  log('warning', 'device-lost', { message: 'x'.repeat(5000), cause: new Error('unplugged') });
  const line = JSON.parse(lines[0] ?? '') as { message: string; cause: string };
  expect(lines).toHaveLength(1);
  expect(line.message).toHaveLength(1025);
  expect(line.cause).toBe('unplugged');
});

test('gives journald the priority in front of the line', () => {
  const { log, lines } = written({ journald: true });
  log('warning', 'device-lost');
  expect(lines[0]).toMatch(/^<4>\{/);
});
