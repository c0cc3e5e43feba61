import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { permissionFix } from '../../drivers/bus/linux-port-permission.ts';

let root: string;
let port: string;
let group: number;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'barri-permission-'));
  port = join(root, 'ttyUSB0');
  writeFileSync(port, '');
  // Only root may give a file to another group.
  if (statSync(port).gid === 0) chownSync(port, 0, 20);
  group = statSync(port).gid;
  chmodSync(port, 0o660);
  mkdirSync(join(root, 'etc'));
  writeFileSync(join(root, 'etc/group'), `root:x:0:\nplugdev:x:999999:barri\nuucp:x:${group}:anna,joan\n`);
});
afterEach(() => rmSync(root, { recursive: true }));

test('the group of the port is named, which is not the same everywhere', async () => {
  expect(await permissionFix(port, root, 'barri')).toBe(
    '`sudo usermod -aG uucp barri`, then log in again or restart the service',
  );
});

test('who belongs to it already has only to start anew', async () => {
  expect(await permissionFix(port, root, 'joan')).toMatch(/^joan belongs to the group uucp.*log in again/);
  expect(await permissionFix(port, root, 'jo')).toContain('sudo usermod -aG uucp jo');
});

test('a port that no group may use is made one that may be', async () => {
  chmodSync(port, 0o600);
  expect(await permissionFix(port, root, 'barri')).toContain(`sudo chgrp dialout ${port} && sudo chmod 660 ${port}`);
});

test('a port that cannot be looked at: the usual group', async () => {
  expect(await permissionFix(join(root, 'ttyNOPE'), root, 'barri')).toContain('sudo usermod -aG dialout barri');
});
