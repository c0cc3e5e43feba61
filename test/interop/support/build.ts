import { execFileSync } from 'node:child_process';
import { join } from 'node:path';

/** Builds `dist/` once, before the first test: what is tested is what is installed. */
export function setup(): void {
  execFileSync('npm', ['run', '-s', 'build'], { cwd: join(import.meta.dirname, '../../..'), stdio: 'inherit' });
}
