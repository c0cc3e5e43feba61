import type { Site } from './site.ts';

/** Of a site that names none. */
const LANGUAGES = ['ca', 'es', 'en'] as const;

/** The languages of a site's people, the first of them first: as it says, else those of the gateway's name, else all that there are. */
export function languagesOf({ file: { gateway, web } }: Pick<Site, 'file'>): readonly [string, ...string[]] {
  const ofName = Object.keys(gateway.name ?? {}).filter((language) => language !== '*');
  const [first, ...others] = [web?.languages ?? [], ofName].find((some) => some.length > 0) ?? LANGUAGES;
  return first === undefined ? [...LANGUAGES] : [first, ...others];
}
