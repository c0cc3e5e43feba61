import type { Config } from '../../config/config.ts';
import { exampleSite } from './example-sites.ts';

/** The example site of `npm start`. */
export function carrerDemo(): Promise<Config> {
  return exampleSite('carrer-demo');
}
