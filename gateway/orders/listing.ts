import { parseJson } from '../uplink/answer.ts';

/** One order as the city shows it. */
export interface Listed {
  readonly text: string;
  readonly sender: string;
  /** Of the city's clock, milliseconds. */
  readonly timeMs: number;
}

/** The orders by sensor of `GET /order/{provider}`, the newest first (Sentilo reference §1.7); undefined when the body is anything else. */
export function listedBySensor(body: Uint8Array): ReadonlyMap<string, readonly Listed[]> | undefined {
  const sensors = listIn(parseJson(body), 'sensors');
  if (sensors === undefined) return undefined;
  const found = new Map<string, readonly Listed[]>();
  for (const entry of sensors) {
    const orders = ordersIn(entry);
    const sensor = textIn(entry, 'sensor');
    if (orders === undefined || sensor === undefined) return undefined;
    found.set(sensor, orders);
  }
  return found;
}

/** The orders of `GET /order/{provider}/{sensor}`, the newest first; undefined when the body is anything else. */
export function listedOrders(body: Uint8Array): readonly Listed[] | undefined {
  return ordersIn(parseJson(body));
}

function ordersIn(json: unknown): readonly Listed[] | undefined {
  const orders = listIn(json, 'orders')?.map(orderIn);
  return orders?.every((order) => order !== undefined) ? orders : undefined;
}

function orderIn(json: unknown): Listed | undefined {
  const [text, sender] = [textIn(json, 'order'), textIn(json, 'sender')];
  const timeMs = fieldOf(json, 'time');
  return text !== undefined && sender !== undefined && typeof timeMs === 'number' && Number.isSafeInteger(timeMs)
    ? { text, sender, timeMs }
    : undefined;
}

function listIn(json: unknown, key: string): readonly unknown[] | undefined {
  const list = fieldOf(json, key);
  return Array.isArray(list) ? list : undefined;
}

function textIn(json: unknown, key: string): string | undefined {
  const text = fieldOf(json, key);
  return typeof text === 'string' ? text : undefined;
}

function fieldOf(json: unknown, key: string): unknown {
  return typeof json === 'object' && json !== null && Object.hasOwn(json, key)
    ? (json as Readonly<Record<string, unknown>>)[key]
    : undefined;
}
