import { listed } from '../../config/closest.ts';
import { timeTaken } from '../../config/duration.ts';
import type { OrderAnswer } from '../../gateway/local-api.ts';
import type { OutputState, Refusal } from '../../gateway/outputs/output.ts';
import type { HungEnd } from '../end-hung.ts';
import type { Owner } from '../owner.ts';

/** Texts about outputs. English; other languages take the same keys. */
export const text = {
  label: 'Output',
  head: ['output', 'state', 'back', 'newest order'],
  logHead: ['time', 'output', 'order', 'from', 'result'],
  noOrders: 'No output was ordered anything.\n',
  noTime: 'not known',
  notUnderstood: '?',
  /** Of a rule that ordered nothing. */
  notOrdered: '-',
  /** `leftOut`: so many more were refused before it. */
  result: (result: { readonly done: boolean; readonly reason?: string } | undefined, leftOut = 0) => {
    const more = leftOut === 0 ? '' : `after ${leftOut} more: `;
    return `${more}${result === undefined ? 'none written down' : result.done ? doneText(result.reason) : refusalText(result.reason)}`;
  },
  became: ({
    reason,
    message,
    reading = '',
    why,
  }: {
    readonly reason?: string;
    readonly why?: string;
    readonly message?: string;
    readonly reading?: string;
  }) => {
    if (reason === undefined) return doneText(why);
    return message ?? RULES_IDLE[reason]?.replace('{reading}', reading) ?? reason;
  },
  ordered: (on: boolean, forMs?: number) => (forMs === undefined ? onOff(on) : `${onOff(on)} for ${timeTaken(forMs)}`),
  /** How a rule stands: when it did something last, why it did not later, and when it is due next. */
  rule: (rule: string, { fired, idle, next }: { readonly fired?: string; readonly idle?: string; readonly next?: string }) =>
    `${rule}: ${[fired === undefined ? 'has not fired' : `fired ${fired}`, idle ?? '', next === undefined ? '' : `next ${next}`].filter((part) => part !== '').join('; ')}`,
  none: 'This gateway has no outputs.\n',
  never: 'none since the start',
  noGateway: (folder: string, isSimulated = false) =>
    `error[B146] no gateway runs on ${folder}\n${
      isSimulated
        ? '   = only simulated gateways ran for this site here; they have no outputs to make safe\n   = start one again: barri sim run SITE\n'
        : NO_GATEWAY
    }`,
  commandMeant: (written: string, command: string) =>
    `error: there is no file ${written}: did you mean \`barri outputs ${command}\`?\n`,
  noneInSite: 'This site has no outputs.\n',
  gatewayRuns: (folder: string) =>
    `error[B132] a gateway runs on ${folder}: it keeps its outputs\n   = \`barri set DEVICE.OUTPUT off\` switches one; when it is stopped it makes all safe\n   = one that gives no sign of life is ended by \`barri outputs safe --end-hung\`\n`,
  hungKilled: (folder: string, { pid, silentMs }: Extract<HungEnd, { what: 'killed' }>) =>
    `warning[B152] the gateway on ${folder} (process ${pid}) gave no sign of life for ${timeTaken(silentMs)}: it was killed\n   = please report it with the lines of its log before that\n`,
  hungStays: (folder: string, { why, pid, silentMs }: Extract<HungEnd, { what: 'stays' }>, owner?: Owner) => {
    const who = pid === undefined ? '' : ` (process ${pid})`;
    const { reason, remedy } = STAYS[why](pid ?? 'PROCESS', owner?.name);
    return `error[B154] the gateway on ${folder}${who} gives no sign of life for ${timeTaken(silentMs)}, and is not ended: ${reason}\n   = switch off the supply of its outputs by hand; ${remedy}\n`;
  },
  asStarted:
    'warning[B137] the site file has errors: the outputs are those that the gateway was started with\n   = mend the file before the next start\n',
  keptUnreadable: (path: string) =>
    `warning[B151] what the gateway kept of its outputs in ${path} cannot be read, or not all of it: one that is in the site file no more is not made safe\n   = look at those by hand; the next start keeps it anew\n`,
  simulatedFolder: (folder: string) =>
    `error[B150] ${folder} is the folder of a simulated gateway, which has no outputs of this machine\n   = leave --state out, or name the folder of the gateway that has them: --state FOLDER\n`,
  notSafe: (output: string, problem: string, keptIn?: string) =>
    `error[B133] ${output} is not known to be safe: ${problem}\n   = switch off its supply by hand, then check its wiring\n${
      keptIn === undefined ? '' : `   = it is in the site file no more: where its board is gone for good, delete ${keptIn}\n`
    }`,
  notSafeAtStop: (outputs: readonly string[]) =>
    `error[B148] not known to be safe when the gateway was stopped: ${outputs.join(', ')}\n   = switch off their supply by hand, then check their wiring; \`barri outputs safe SITE\` tries once more\n`,
  state: (seen: boolean | undefined) => (seen === undefined ? 'not known' : onOff(seen)),
  back: (inMs: number, safe: boolean) => `${onOff(safe)} in ${timeTaken(inMs)}`,
  asked: ({ on, from, agoMs }: NonNullable<OutputState['asked']>) => `${onOff(on)}, ${from}, ${timeTaken(agoMs)} ago`,
  problem: (output: string, problem: string) => `${output}: ${problem}`,
  lasts: (output: string, on: boolean) => `error: ${onOff(on)} is the safe state of ${output}, which it keeps: leave --for out\n`,
  done: (
    output: string,
    on: boolean,
    { backInMs, backBy = 'max_on', switchedOff = [] }: Omit<Extract<OrderAnswer, { done: true }>, 'done'> = {},
    forMs?: number,
  ) => {
    const asked = backBy === 'max_on' && forMs !== undefined ? `; ${timeTaken(forMs)} was asked` : '';
    const back = backInMs === undefined ? '' : `: it goes back after ${timeTaken(backInMs)} (${BACK_BY[backBy]}${asked})`;
    const were = switchedOff.length === 1 ? 'was' : 'were';
    const others = switchedOff.length === 0 ? '' : `; ${switchedOff.join(', ')} ${were} switched off for it (never_with)`;
    return `${output} is ${onOff(on)}${back}${others}.\n`;
  },
  notKnown: (output: string, on: boolean) =>
    `error[B147] the gateway did not say in its time whether ${output} was switched ${onOff(on)}: that is not known\n   = \`barri outputs\` shows how it is; what the gateway has not begun by now it does not begin any more\n`,
  /** A gateway of a later version may have more reasons, or answer in another way. */
  notDone: (
    output: string,
    on: boolean,
    { reason, message = NO_OUTCOME }: { readonly reason?: Refusal; readonly message?: string },
    known?: KnownNames,
  ) => {
    const remedies = known === undefined ? [(reason && REMEDIES[reason]) ?? OTHER_REMEDY] : namesText(known);
    return `error[B145] ${output} was not switched ${onOff(on)}: ${message}\n${remedies.map((line) => `   = ${line}\n`).join('')}`;
  },
} as const;

const NO_GATEWAY =
  '   = start it with `barri run`, or name its folder with --state\n   = one that was stopped left its outputs safe; after one that was killed, `barri outputs safe SITE` makes them so\n';

/** What a site has, of what somebody may have meant by the name of an output. */
export interface KnownNames {
  readonly outputs: readonly string[];
  readonly candidates: readonly string[];
  /** What was named is a reading. */
  readonly isReading: boolean;
}

function namesText({ outputs, candidates, isReading }: KnownNames): string[] {
  return [
    ...(isReading ? ['it is a reading, and nothing that can be switched'] : []),
    ...(candidates.length > 0 ? [`did you mean ${candidates.join(' or ')}?`] : []),
    outputs.length === 0 ? 'this site has no outputs' : `this site has: ${listed(outputs).join(', ')}`,
  ];
}

function doneText(why: string | undefined): string {
  return why === undefined ? 'done' : `done: ${why}`;
}

/** Of a refusal, as the journal has it: a code and words. */
function refusalText(reason = 'not done'): string {
  return reason.replace(/^sender: /, 'not allowed: ');
}

/** Why a gateway that hangs is still there. */
const STAYS: Readonly<
  Record<
    Extract<HungEnd, { what: 'stays' }>['why'],
    (pid: number | string, owner: string | undefined) => { readonly reason: string; readonly remedy: string }
  >
> = {
  hidden: (pid, owner) => ({
    reason: `it is another user's${owner === undefined ? '' : ` (the folder is ${owner}'s)`}, or runs in another container`,
    remedy: `put \`sudo\` before the command, or end it where it runs: kill -9 ${pid}`,
  }),
  'no-gateway': (pid) => ({
    reason: 'what has the folder is no gateway',
    remedy: `look what it is (ps -fp ${pid}), and end it`,
  }),
  held: () => ({
    reason: 'it was killed and is still there: a call to a disk or an adapter holds it',
    remedy: 'unplug the adapter and look at the card; if it stays, restart the machine',
  }),
};

const REMEDIES: Readonly<Record<Refusal, string>> = {
  'unknown-output': '`barri outputs` shows those that there are',
  'not-allowed': 'write `orders: [local]` at this output in the site file',
  'min-off': 'wait, or shorten `min_off` at this output',
  expired: 'order it again',
  withdrawn: 'order it again, and wait for the answer',
  'too-many': 'order it again in a moment',
  'too-often':
    'look for what orders it again and again: three times at once, and then once in ten seconds, are enough for anybody',
  'never-with': 'look at the other output first: `barri outputs`',
  superseded: '`barri outputs` shows what it was told since',
  'not-durable': 'the disk takes nothing now: `barri status` says why',
  stopping: 'start the gateway again',
  failed: 'check its wiring and power; `barri outputs` shows how it is',
};

/** Why a rule did nothing. */
const RULES_IDLE: Readonly<Record<string, string>> = {
  'does-not-hold': 'nothing: {reading} is not as only_if wants it',
  'not-known': 'nothing: {reading} has no value',
  'was-down': 'nothing: the gateway was down then',
  'no-time': 'nothing: nobody knew the time',
  'clock-jumped': 'nothing: the clock was set past it',
  'same-moment': 'nothing: it did so for another time at this moment',
};

const NO_OUTCOME = 'the gateway answered something else than what became of it';
const OTHER_REMEDY = 'it may run in another version than this command: `barri --version`, and `version` in `barri status --json`';

const BACK_BY: Readonly<Record<'for' | 'max_on', string>> = { for: '--for', max_on: 'max_on' };

function onOff(on: boolean): string {
  return on ? 'on' : 'off';
}
