import { fieldIn, listIn, parseJson, textIn } from '../json.ts';

/** One order as the city shows it. */
export interface Listed {
  readonly text: string;
  readonly sender: string;
  /** Of the city's clock, milliseconds. */
  readonly timeMs: number;
}

/** The orders of a sensor that an answer shows, the newest first. What nobody understands is left out: it hides no other. */
export interface Listing {
  readonly orders: readonly Listed[];
  /** How many the answer has, with those that were left out. */
  readonly count: number;
}

/** The newest orders by sensor, `limit` of each at most, of `GET /order/{provider}` (Sentilo reference §1.7); undefined when the body is anything else. */
export function listedBySensor(body: Uint8Array, limit: number): ReadonlyMap<string, Listing> | undefined {
  const sensors = listIn(parseJson(body), 'sensors');
  if (sensors === undefined) return undefined;
  const found = new Map<string, Listing>();
  for (const entry of sensors) {
    const listing = listingIn(entry, limit);
    const sensor = textIn(entry, 'sensor');
    if (listing !== undefined && sensor !== undefined) found.set(sensor, listing);
  }
  return found;
}

/** The newest orders, `limit` at most, of `GET /order/{provider}/{sensor}`; undefined when the body is anything else. */
export function listedOrders(body: Uint8Array, limit: number): Listing | undefined {
  return listingIn(parseJson(body), limit);
}

/** No more than was asked for: whoever answers with more would have all of it be looked at. */
function listingIn(json: unknown, limit: number): Listing | undefined {
  const list = listIn(json, 'orders')?.slice(0, limit);
  return list && { orders: list.map(orderIn).filter((order) => order !== undefined), count: list.length };
}

function orderIn(json: unknown): Listed | undefined {
  const [text, sender] = [textIn(json, 'order'), textIn(json, 'sender')];
  const timeMs = fieldIn(json, 'time');
  return text !== undefined && sender !== undefined && typeof timeMs === 'number' && Number.isSafeInteger(timeMs)
    ? { text, sender, timeMs }
    : undefined;
}
