import type { Config } from '../../config/config.ts';
import { exampleSite, withoutItself } from './example-sites.ts';

/** The example site of `npm start`, without the gateway's own health. */
export async function carrerDemo(): Promise<Config> {
  return withoutItself(await exampleSite('carrer-demo'));
}
