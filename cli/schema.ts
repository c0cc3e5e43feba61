import { Argument, type Command } from 'commander';
import { z } from 'zod';
import { boardSchema } from '../config/schema-board.ts';
import { gatewaySchema } from '../config/schema-gateway.ts';
import type { Io } from './io.ts';

const SCHEMAS = {
  gateway: { schema: gatewaySchema, title: 'Barri gateway file (gateway/v1)' },
  board: { schema: boardSchema, title: 'Barri board file (board/v1)' },
} as const;

/** The kinds of file that have a JSON Schema. */
export type SchemaName = keyof typeof SCHEMAS;

/** Adds `barri schema`. */
export function addSchema(program: Command, io: Io): void {
  program
    .command('schema')
    .description('Print the JSON Schema (draft 7) of a kind of file, for editors.')
    .addArgument(new Argument('<kind>', 'kind of file').choices(Object.keys(SCHEMAS)))
    .option('--json', 'print JSON, as it does in any case')
    .addHelpText(
      'after',
      `
Examples:
  barri schema gateway > gateway.v1.schema.json
  barri schema board > board.v1.schema.json`,
    )
    .action((kind: SchemaName) => io.out(jsonSchema(kind)));
}

/** The JSON Schema of what a person may write, as text with a line end; it is made from the schema that checks files. */
export function jsonSchema(name: SchemaName): string {
  const { schema, title } = SCHEMAS[name];
  const json = z.toJSONSchema(schema, {
    target: 'draft-7',
    io: 'input',
    override: ({ jsonSchema }) => {
      // Where any text may stand, `name: 1812` and `name: true` are texts too, although YAML sees a number and a truth.
      const isAnyText = jsonSchema.type === 'string' && !jsonSchema.pattern && !jsonSchema.enum && jsonSchema.const === undefined;
      if (isAnyText) Object.assign(jsonSchema, { type: ['string', 'number', 'boolean'] });
    },
  });
  return `${JSON.stringify({ title, ...json }, null, 1)}\n`;
}
