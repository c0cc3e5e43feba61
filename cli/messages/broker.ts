import type { CityProblem, UplinkState } from '../../gateway/uplink/status.ts';
import { count } from './count.ts';

/** What the broker answered (MQTT 5.0, §2.4), and what to do about it. */
const PROBLEMS: Readonly<Record<string, string>> = {
  M000: 'no answer: {words}',
  M001: 'the broker ends each connection soon after it has let this gateway in, and does not say why: {words}. Two gateways with one id, as of a copied card, do that to each other: give each its own. Otherwise look into the log of the broker.',
  M003: 'no safe connection to the broker: {words}. Look at the date of this machine and at the name in mqtt.url; where the broker has a certificate authority of its own, name its file in mqtt.ca.',
  M132: 'the broker does not speak MQTT 5: {words}. Ask its operator for a newer one.',
  M133: 'the broker does not take the name of this gateway: {words}. It calls itself barri- and the id of the gateway.',
  M134: 'the broker rejects user or password: {words}. Check the secret.',
  M135: 'the broker does not let this gateway in, or write: {words}. It needs the right to everything below its own prefix.',
  M138: 'the broker has locked this gateway out: {words}. Ask its operator.',
  M142: 'another client has the name of this gateway: {words}. Two gateways with one id? Give each its own.',
  M149: 'a message is too long for the broker: {words}',
  M151: 'a quota of the broker is used up: {words}',
  M154: 'the broker keeps no retained messages: {words}. Ask its operator to allow them.',
  M155: 'the broker does not take this `qos`: {words}. Ask its operator to allow it.',
  M900: 'the journal cannot be read, or cannot record what was sent: {words}',
};
const PROBLEM_OTHER = 'the broker answered: {words}';

const STATES: Readonly<Record<Exclude<UplinkState, 'starting'>, string>> = {
  ok: 'reachable',
  waiting: 'asked for a pause, or this disk has trouble,',
  unreachable: 'not reachable',
  refused: 'refuses us',
};

/** How it stands with the broker. English; other languages take the same keys. */
export const text = {
  label: 'Broker',
  state: (state: UplinkState, since: string) => (state === 'starting' ? 'nothing sent yet' : `${STATES[state]} since ${since}`),
  problem: ({ code, parameters: { words = '', topic } }: CityProblem) =>
    `${code} ${(PROBLEMS[code] ?? PROBLEM_OTHER).replace('{words}', String(words))}${topic === undefined ? '' : ` (topic ${topic})`}`,
  /** `right` is the filter of its discovery messages. */
  homeAssistant: ({ code, parameters: { words = '', topic = '', right = '' } }: CityProblem) =>
    `${code} Home Assistant is not told everything: the broker does not take ${topic} (${words}). For discovery: home-assistant the gateway needs the right to write and to read ${right}, to read homeassistant/status, and to everything below its own prefix. Readings go on.`,
  waiting: (records: number) =>
    records === 0
      ? 'nothing waits for the broker'
      : `${count(records, 'record')} ${records === 1 ? 'waits' : 'wait'} for the broker`,
  noCity: 'no sentilo: in the site file: readings go to the broker only',
};
