#!/usr/bin/env node
import { optimiseLate } from './optimise-late.ts';

// Before anything else is loaded, because loading it is already work that V8 would optimise.
optimiseLate();
const { main } = await import('./start.ts');
// Everywhere else the process ends by itself, so that output through a pipe arrives whole. After a bug nobody knows what
// still runs, unless something did that was stopped: among that may be a call that hangs, for which exit() would wait.
if (await main()) process.exit();
