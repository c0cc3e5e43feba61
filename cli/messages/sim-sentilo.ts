/** Texts about a simulated city. English; other languages take the same keys. */
export const text = {
  listening: (url: string) => `Simulated Sentilo listens on ${url}\n`,
  providers: (ids: readonly string[]) => `  publishers: ${ids.join(', ')}\n`,
  worldOf: (file: string) => `  world:      ${file} (tokens, permissions and sensors stand there)\n`,
  defaultWorld: `  world:      none given; the provider's token is demo-token, and sensors that nobody registered are accepted\n`,
  tryIt: (url: string, provider: string) => `  look:       curl -H 'IDENTITY_KEY: <token>' '${url}/data/${provider}?limit=5'\n`,
  order: (url: string, provider: string) =>
    `  order:      curl -X PUT -H 'IDENTITY_KEY: <token>' -d '{"order":"on"}' ${url}/order/${provider}/<sensor>\n`,
  faults: (controlUrl: string) => `  faults:     curl -d '{"fault":"slow","ms":2000,"for":"30s"}' ${controlUrl}/faults\n`,
  stop: '  stop:       Ctrl-C\n',
  notSimulated: (service: string) =>
    `note: this version does not simulate the service /${service}; it is answered 404, as a path that does not exist\n`,
  portBusy: (port: number) =>
    `error[B110] port ${port} is in use by another program\n   = stop that program, or choose another port with --port, --control-port or --city-port; 0 takes any free one\n`,
  portForbidden: (port: number) =>
    `error[B111] this user may not listen on port ${port}\n   = ports below 1024 belong to root: choose a higher one, such as 8081\n`,
  addressUnknown: (host: string) =>
    `error[B112] ${host} is no address of this machine\n   = 127.0.0.1 serves this machine only, 0.0.0.0 everybody who can reach it\n`,
  notLocal: (url: string) =>
    `error[B113] simulated readings go to this machine only, not to ${url}\n   = start a simulated city here: barri sim sentilo\n`,
  worldUnreadable: (file: string, code: string) =>
    `error[B114] cannot read ${file}: ${code}\n   = give the path of a sentilo-world/v1 file\n`,
  kept: (file: string) => `  kept in:    ${file}, one request a line; remove it to begin anew\n`,
  notKept: (file: string, why: string) =>
    `error[B115] cannot keep what the city holds in ${file}: ${why}\n   = give another file with --keep, or move this one away to begin anew\n`,
  keepsNoMore: (file: string, code: string) =>
    `warning[B116] what is sent to the city is not kept any more: ${file}: ${code}\n   = make room on the disk, then start again\n`,
} as const;
