#!/usr/bin/env node
import { fatalHandler } from './life.ts';
import { processIo } from './process-io.ts';
import { runProgram } from './program.ts';

const io = processIo();
const fatal = fatalHandler(io, () => undefined);
process.on('uncaughtException', fatal);
process.on('unhandledRejection', fatal);
runProgram(process.argv, io).catch(fatal);
