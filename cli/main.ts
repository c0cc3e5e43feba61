#!/usr/bin/env node
import { optimiseLate } from './optimise-late.ts';

// Before anything else is loaded, because loading it is already work that V8 would optimise.
optimiseLate();
const { main } = await import('./start.ts');
await main();
