import type { Applied } from '../../gateway/uplink/catalog.ts';
import type { CityProblem } from '../../gateway/uplink/status.ts';
import { count } from './count.ts';
import { text as live } from './live.ts';

/** Texts about the city's catalogue. English; other languages take the same keys. */
export const text = {
  labels: { create: 'create', change: 'change', cannot: 'cannot', left: 'left' },
  noCity: (file: string) =>
    `error[B141] ${file} names no city\n   = add a section \`sentilo:\` with url, provider and token; \`barri check\` shows what belongs there\n`,
  refused: (problem: CityProblem, provider: string, { created, changed }: Applied) =>
    `error[B142] the city's catalogue was ${created.length + changed.length === 0 ? 'not read or changed' : `changed in part: ${created.length} created, ${changed.length} changed`}\n   = ${problem.code === FORBIDDEN ? notAdmin(problem, provider) : live.cityProblem(problem)}\n`,
  planHead: ({ url, provider, listedCount, alertCount, alerts, plan: { sameCount } }: PlanHead) =>
    `Catalogue of ${url}, provider ${provider}: ${count(listedCount, 'sensor')} listed, ${sameCount} of them as this site says${alertCount === 0 ? '' : `; ${alertCount - alerts.unknown.length} of ${count(alertCount, 'alert')} there`}\n`,
  alert: (id: string, alarms: readonly string[]) => `alert ${id}, which is told of ${alarms.join(', ')}`,
  closedAlert: (id: string) =>
    `the alert ${id} is somebody else's, who does not let this provider in. Ask the city's operator for write permission, or name another one under \`sentilo: alerts:\``,
  create: (sensor: string, type: string, component: string, isUnknown: boolean) =>
    `${sensor}  type ${type}${isUnknown ? ', which the city does not know' : ''}; component ${component}`,
  component: (component: string) => `component ${component}`,
  difference: (field: string, from: string, to: string) => `  ${field}: ${from === '' ? 'nothing' : from} -> ${to}`,
  misplaced: (sensor: string, from: string, to: string) =>
    `${sensor} belongs to component ${from} there and to ${to} here. No request can move it: delete it in the city's console, or write \`component: ${from}\` at its device`,
  gone: (sensor: string) => `${sensor} is there and not in this site's file. It stays`,
  unknownType: (type: string, quantities: readonly string[], known: readonly string[]) =>
    `The city has no sensor type ${type}. Ask its operator for one, or write under \`sentilo:\` \`types: { ${quantities.map((quantity) => `${quantity}: TYPE`).join(', ')} }\`, or at the reading \`sentilo: { type: TYPE }\`, with a TYPE that it knows${known.length === 0 ? '' : `: it shows ${known.slice(0, KNOWN_MAX).join(', ')}${known.length > KNOWN_MAX ? ' …' : ''}`}.\n`,
  unknownComponentType: (type: string) =>
    `The city has no component type ${type}. Ask its operator for one, or write another under \`sentilo: component: { type: … }\`.\n`,
  upToDate: 'The catalogue shows what this site says.\n',
  toApply: 'Nothing was changed. `barri sentilo apply` creates and changes this.\n',
  toApplyInPart:
    'Nothing was changed. `barri sentilo apply` creates and changes this, but for what the city does not take as said above.\n',
  notToApply:
    'Nothing was changed, and `barri sentilo apply` can change none of this: what is said above has to be done first.\n',
  progress: (step: 'created' | 'changed' | 'looking-again', ids: readonly string[]) =>
    step === 'looking-again'
      ? 'the answer was lost; looking again in 15 s what became of it\n'
      : `${step} ${count(ids.length, 'entry', 'entries')}: ${ids.join(', ')}\n`,
  applied: ({ created, changed, refused }: Applied) =>
    created.length + changed.length + refused.size === 0
      ? 'The catalogue already shows what this site says.\n'
      : `Done: ${created.length} created, ${changed.length} changed, ${refused.size} refused.${created.length > 0 ? ' The city takes readings and alarms of them in about half a minute.' : ''}\n`,
  sensorRefused: (sensor: string, words: string) =>
    `error[B143] the city does not take ${sensor}\n   = ${words}\n${EXISTS.test(words) ? `   = ${HIDDEN}\n` : ''}`,
} as const;

/** A provider has the permission on itself, so it is the token of somebody else (sentilo.md §1.6). */
function notAdmin({ code, parameters }: CityProblem, provider: string): string {
  return `${code} the token is not one of the provider \`${provider}\` (sentilo.provider), or may not change its catalogue: ${parameters['words']}. Write that provider's own token into the secret of sentilo.token, or ask the city's operator for the permission ADMIN on it: WRITE is enough for readings only`;
}

const FORBIDDEN = 'S403';
/** Types of the city that are named. */
const KNOWN_MAX = 10;
/** What the city says of a sensor that it has and does not list (sentilo.md §1.6.3). */
const EXISTS = /already exists/;
const HIDDEN =
  "The city has it and does not list it: it was switched off in its console, and takes no readings. Switch it on there, or ask the city's operator to; a plan goes on to say that it is missing until then";

interface PlanHead {
  readonly url: string;
  readonly provider: string;
  readonly listedCount: number;
  readonly alertCount: number;
  readonly alerts: { readonly unknown: readonly unknown[] };
  readonly plan: { readonly sameCount: number };
}
