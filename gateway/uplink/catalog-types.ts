import { type Host, HttpError } from '../host.ts';
import { errorBody, failureProblem } from './answer.ts';
import { CatalogError } from './catalog.ts';
import { type CityOptions, requestsOf } from './city.ts';
import { catalogUrl } from './request.ts';

/** A component that is named in a request which is refused is none that anybody has. */
const NOBODYS = 'no-component';

/**
 * Which of these types of components the city knows nothing of. Asked as `Catalog.unknownTypes` does it, with a request that the
 * city always refuses, as one of its ids is no id: it looks at all of it before it takes any (sentilo.md §1.6.1). What it answers
 * instead of a refusal says nothing of types. @throws CatalogError
 */
export async function unknownComponentTypes(
  host: Pick<Host, 'http'>,
  options: CityOptions,
  types: readonly string[],
  signal: AbortSignal,
): Promise<readonly string[]> {
  const { config, mask } = options;
  const sensors = types.map((componentType, at) => ({
    sensor: 'no id',
    type: 'temperature',
    component: `${NOBODYS}-${at}`,
    componentType,
  }));
  const body = new TextEncoder().encode(JSON.stringify({ sensors }));
  try {
    const response = await host.http(requestsOf(options)('POST', catalogUrl(config.url, config.provider), body), signal);
    const lines = errorBody(response.body)?.details ?? [];
    return types.filter((type) => lines.some((line) => line.endsWith(`invalid value for field componentType (${type}).`)));
  } catch (error) {
    if (!(error instanceof HttpError)) throw error;
    throw new CatalogError(failureProblem(error, mask), error.maybeSent, { cause: error });
  }
}
