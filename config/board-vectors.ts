import { z } from 'zod';
import { type Files, readDocument } from './read-document.ts';
import { validate } from './validate.ts';

/** What stands in boards/vectors.yaml; the file says what each key means. */
export type BoardVectors = z.output<typeof vectorsSchema>;

const name = z.string().min(1);
const names = z.array(name).min(1);
const why = z.string().min(1);
const named = z.record(name, names).optional();

const vectorsSchema = z.strictObject({
  schema: z.literal('board-vectors/v1'),
  files: z.record(name, z.strictObject({ proves: named, refuses: named, tested: named, unused: z.record(name, why).optional() })),
  elsewhere: z.record(name, z.strictObject({ count: z.int().positive(), why })),
});

/**
 * Reads which recordings and examples of others prove which boards. The file is part of the package, so that what is wrong
 * with it is a bug.
 */
export async function loadBoardVectors(file: string, files: Pick<Files, 'readFile'>): Promise<BoardVectors> {
  const document = await readDocument(file, files);
  const { value, problems } = validate(document, vectorsSchema);
  const [problem] = [...document.problems, ...problems];
  if (value !== undefined && problem === undefined) return value;
  throw new Error(`${file}:${problem?.place.line}: ${problem?.code} at ${problem?.path}`);
}
