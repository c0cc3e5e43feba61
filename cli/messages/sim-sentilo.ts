import { dirname } from 'node:path';

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
  portBusy: (port: number, option: string) =>
    `error[B110] port ${port} is in use by another program\n   = stop that program, or choose another port with ${option}; 0 takes any free one\n`,
  portForbidden: (port: number) =>
    `error[B111] this user may not listen on port ${port}\n   = ports below 1024 belong to root: choose a higher one, such as 8081\n`,
  addressUnknown: (host: string) =>
    `error[B112] ${host} is no address of this machine\n   = 127.0.0.1 serves this machine only, 0.0.0.0 everybody who can reach it\n`,
  notLocal: (url: string) =>
    `error[B113] simulated readings go to this machine only, not to ${url}\n   = start a simulated city here: barri sim sentilo\n`,
  worldUnreadable: (file: string, code: string) =>
    `error[B114] cannot read ${file}: ${whyOf(code)}\n   = give the path of a sentilo-world/v1 file\n`,
  samePort: (port: number) => `error: --port and --control-port are both ${port}: give one of them another port\n`,
  kept: (file: string) => `  kept in:    ${file}, one request a line; remove it to begin anew\n`,
  notKept: (file: string, { why, todo }: NotKeptWords) =>
    `error[B115] cannot keep what the city holds in ${file}: ${why}\n   = ${todo}\n`,
  /** Why a file that holds something else is not taken. */
  otherContent: (why: string): NotKeptWords => ({
    why,
    todo: 'give another file with --keep, or move this one away to begin anew',
  }),
  notOpened,
  keepsNoMore: (file: string, code: string) =>
    `warning[B116] what is sent to the city is not kept any more: ${file}: ${whyOf(code)}\n   = make room on the disk, then start again\n`,
} as const;

/** What the operating system said, in words. */
const WHYS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  ENOTDIR: 'there is no such file',
  EISDIR: 'it is a folder',
  EACCES: 'this user may not open it',
  EPERM: 'this user may not open it',
  EROFS: 'the disk is read-only',
  ENOSPC: 'the disk is full',
  EDQUOT: 'the disk is full',
  EIO: 'the disk gives an error',
};

function whyOf(code: string): string {
  return WHYS[code] ?? code;
}

/** Why nothing can be kept in a file, and what to do. */
interface NotKeptWords {
  readonly why: string;
  readonly todo: string;
}

/** Of a file that cannot be opened, by what the operating system said. */
function notOpened(file: string, code: string): NotKeptWords {
  const folder = dirname(file);
  if (code === 'ENOENT')
    return {
      why: `the folder ${folder} is not there`,
      todo: `make it (mkdir -p ${folder}), or give a file in another folder with --keep`,
    };
  if (code === 'ENOTDIR') return { why: `${folder} is a file and no folder`, todo: 'give a file in a folder with --keep' };
  if (code === 'EISDIR') return { why: whyOf(code), todo: 'name a file in it with --keep' };
  return { why: whyOf(code), todo: 'give another file with --keep' };
}
