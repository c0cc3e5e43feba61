import { activeOutputs } from './check-devices.ts';
import { listed } from './closest.ts';
import { POLL_BESIDE_PUSHES_MS, POLL_MS } from './order-paces.ts';
import { isWritten, type Plugged, type Site } from './site.ts';
import { nodeAt } from './yaml-tree.ts';

/** A question can fail, and the one after it: that is no lost city yet. */
const LOST_POLLS = 3;
/** An order waits for the next question, and is carried out after the answer. */
const EXPIRY_POLLS = 2;

/** Addresses of this machine and of private networks (RFC 1918, 3927, 4193 and 4291), and names of multicast DNS (RFC 6762). */
const LOCAL_HOST =
  /^(?:127\.|10\.|192\.168\.|169\.254\.|172\.(?:1[6-9]|2\d|3[01])\.)[\d.]+$|^\[(?:::1|f[cd][\da-f]{2}:.*|fe[89ab][\da-f]:.*)\]$|\.local$/;

/** Who takes orders of the city names whose: without that none is carried out. */
export function checkOrders(site: Site, devices: ReadonlyMap<string, Plugged>): void {
  const { sentilo } = site.file;
  const takers = [...devices.values()].flatMap((device) =>
    activeOutputs(device).flatMap(([output, own]) => (own?.orders?.includes('sentilo') ? [{ id: device.id, output, own }] : [])),
  );
  for (const taker of takers) checkTimes(site, taker);
  if (takers.length > 0) checkPort(site);
  // A site that has no outputs yet waits for them with the rest.
  const hasOutputs = [...devices.values()].some((device) => activeOutputs(device).length > 0);
  if (hasOutputs && !mayTake(site)) noteUnused(site);
  const [first] = takers;
  if (first === undefined) return;
  const outputs = listed(takers.map(({ id, output }) => `${id}.${output}`));
  const path = ['devices', first.id, 'outputs', first.output, 'orders'];
  const isNamed =
    sentilo?.orders_from === undefined ? isWritten(site, ['sentilo', 'orders_from']) : sentilo.orders_from.length > 0;
  if (!isWritten(site, ['sentilo'])) site.report('C201', path, { outputs }, 'warning');
  else if (!isNamed) site.report('C200', path, { outputs }, 'warning');
}

interface Taker {
  readonly id: string;
  readonly output: string;
  readonly own: { readonly on_lost_city?: number | undefined; readonly expiry?: number | undefined };
}

/**
 * A plain address in this network has no proxy before it that could lead to another port: what the city pushes there has to be
 * served there.
 */
function checkPort({ file, report }: Site): void {
  const { callback } = file.sentilo ?? {};
  const url = callback && URL.canParse(callback.url) ? new URL(callback.url) : undefined;
  if (callback === undefined || url?.protocol !== 'http:' || url.port === '' || !isLocal(url.hostname)) return;
  if (Number(url.port) === callback.port) return;
  report('C207', ['sentilo', 'callback', 'url'], { port: url.port, served: callback.port }, 'note');
}

/** An address of this machine or network: by number, or by a name that only this network knows. */
function isLocal(host: string): boolean {
  return LOCAL_HOST.test(host) || !host.includes('.');
}

/** Times that are over before the city can be asked again: orders would be undone, or refused, though nothing has failed. */
function checkTimes(site: Site, { id, output, own }: Taker): void {
  const path = ['devices', id, 'outputs', output];
  const everyMs = site.file.sentilo?.callback === undefined ? POLL_MS : POLL_BESIDE_PUSHES_MS;
  const lostMs = LOST_POLLS * everyMs;
  if (own.on_lost_city !== undefined && own.on_lost_city < lostMs)
    site.report('C203', [...path, 'on_lost_city'], { output: `${id}.${output}`, everyMs, leastMs: lostMs }, 'warning');
  const leastMs = EXPIRY_POLLS * everyMs;
  if (own.expiry !== undefined && own.expiry < leastMs)
    site.report('C204', [...path, 'expiry'], { output: `${id}.${output}`, everyMs, leastMs }, 'warning');
}

/** Whether an output takes orders of the city, or has `orders` with a mistake, which may be meant so. */
function mayTake({ document, file }: Site): boolean {
  const devices = nodeAt(document.root, ['devices'])?.children ?? [];
  return [...devices].some(([id, device]) =>
    [...(device.children.get('outputs')?.children ?? [])].some(([name, output]) => {
      const orders = file.devices?.[id]?.outputs?.[name]?.orders;
      return orders === undefined ? output.children.has('orders') : orders.includes('sentilo');
    }),
  );
}

function noteUnused(site: Site): void {
  const { orders_from = [], callback } = site.file.sentilo ?? {};
  const unused = [...(orders_from.length > 0 ? ['orders_from'] : []), ...(callback ? ['callback'] : [])];
  for (const key of unused) site.report('C205', ['sentilo', key], { key }, 'warning', 'key');
}
