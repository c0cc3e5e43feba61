/** The proxy of a network that lets nobody out by itself, as schools have one. */
export interface NetworkProxy {
  readonly hostname: string;
  readonly port: number;
  /** For the header Proxy-Authorization. */
  readonly authorization?: string;
}

/** This machine is never reached through a proxy: it would look for the address at itself. */
const LOOPBACK = /^(?:localhost|127\.\d+\.\d+\.\d+|\[::1\])$/;

/**
 * The proxy that the environment names for an address, by the variables that other programs know too: `HTTPS_PROXY` or
 * `HTTP_PROXY` by the address's kind, `NO_PROXY` for hosts and domains that are reached directly; small letters come first.
 * @throws Error when it is none that can be used
 */
export function proxyFor(url: URL, env: Readonly<Record<string, string | undefined>>): NetworkProxy | undefined {
  const named = (name: string) => env[name.toLowerCase()] || env[name] || '';
  const written = named(url.protocol === 'https:' ? 'HTTPS_PROXY' : 'HTTP_PROXY');
  if (written === '' || LOOPBACK.test(url.hostname) || isExcepted(url.hostname, named('NO_PROXY'))) return undefined;
  const address = /^\w+:\/\//.test(written) ? written : `http://${written}`;
  // What was written may hold a password, and is not repeated.
  if (!URL.canParse(address)) throw new Error('the proxy that the environment names has no address that can be read');
  const proxy = new URL(address);
  if (proxy.protocol !== 'http:')
    throw new Error(`the proxy ${proxy.host} is to be reached by ${proxy.protocol}//, and only http:// can be used`);
  const { hostname, port, username, password } = proxy;
  const pair = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  const authorization = username === '' ? {} : { authorization: `Basic ${Buffer.from(pair).toString('base64')}` };
  return { hostname, port: port === '' ? 80 : Number(port), ...authorization };
}

function isExcepted(hostname: string, list: string): boolean {
  const names = list.split(/[\s,]+/).filter((name) => name !== '');
  return names.some((name) => {
    const domain = name.replace(/^\*?\./, '').toLowerCase();
    return name === '*' || hostname === domain || hostname.endsWith(`.${domain}`);
  });
}
