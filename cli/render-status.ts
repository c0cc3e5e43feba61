import type { Damage, JournalStats } from '../gateway/journal/journal.ts';
import type { RuleStatus } from '../gateway/rules/history.ts';
import type { GatewayStatus } from '../gateway/status.ts';
import type { ClockStatus } from '../gateway/timekeeper.ts';
import { VERSION_HIDDEN } from '../gateway/uplink/answer.ts';
import type { CityProblem, HeldSensor, UplinkStatus } from '../gateway/uplink/status.ts';
import { zoneName } from './local-time.ts';
import { text as brokerText } from './messages/broker.ts';
import { cityText } from './messages/city.ts';
import { type Trouble, text } from './messages/live.ts';
import { text as outputsText } from './messages/outputs.ts';
import { sizeText } from './size-text.ts';
import { labelled } from './table.ts';

const LABEL_WIDTH = 12;
/** Damaged places that are named. */
const DAMAGE_SHOWN = 5;

/** The picture of `barri status`: what is measured, what is stored, what the city has; then only what is wrong. */
export function renderStatus(status: GatewayStatus, columns: number, isSimulated = false): string {
  const labels = text.statusLabels;
  const { measuring, city, broker } = status;
  const blocks: [string, string[]][] = [
    [labels.measuring, [text.measuring(measuring, status.devices.filter(({ state }) => state === 'starting').length)]],
    [labels.stored, storedLines(status.stored, city?.waitingCount, city?.oldestWaitingWallMs, status.threadsStuckMs)],
    [labels.city, city === undefined ? [broker === undefined ? text.noCity : brokerText.noCity] : cityLines(city, isSimulated)],
    [cityText.orders.label, ordersLines(status)],
    [brokerText.label, broker === undefined ? [] : brokerLines(broker)],
    [labels.clock, [...clockLines(status.clock), ...(status.rules?.waitForClock === true ? [text.rulesWait] : [])]],
    [labels.rules, (status.rules?.each ?? []).map(ruleLine)],
    [labels.alarm, alarmLines(status.alarms)],
    [
      labels.device,
      status.devices.flatMap(({ device, bus, sinceMs, problem }) => {
        if (problem === undefined) return [];
        const on = status.buses.find((each) => each.bus === bus);
        const isOfBus = on?.problem?.message === problem.message;
        return [text.deviceLine(device, text.duration(sinceMs), problem, { bus: isOfBus ? bus : undefined, type: on?.type })];
      }),
    ],
    [labels.reading, (status.readings ?? []).map(text.readingLine)],
    [outputsText.label, (status.outputs ?? []).map(({ output, problem }) => outputsText.problem(output, problem))],
    [
      labels.bus,
      status.buses.flatMap(({ bus, problem, type }) => (problem === undefined ? [] : [text.busLine(bus, problem, type)])),
    ],
    [labels.skipped, status.skipped.map(({ device, code }) => text.skippedLine(device, code))],
  ];
  return labelled(blocks, { columns, labelWidth: LABEL_WIDTH });
}

/** What is wrong, as a text that changes only when something else is: for output that cannot be renewed in place. */
export function troubleOf({
  devices,
  readings = [],
  outputs = [],
  buses,
  stored,
  city,
  orders,
  broker,
  threadsStuckMs,
  alarms,
}: GatewayStatus): string {
  return [
    ...devices.flatMap(({ device, problem }) => (problem === undefined ? [] : `${device} ${problem.code}`)),
    ...readings.map(({ device, reading, problem, reason }) => `${device}.${reading} ${problem?.code ?? reason}`),
    ...outputs.map(({ output, problem }) => `${output} ${problem}`),
    ...buses.flatMap(({ bus, problem }) => (problem === undefined ? [] : `${bus} ${problem.code}`)),
    ...(stored.failing === undefined ? [] : [stored.failing.code]),
    ...(stored.slow === undefined ? [] : ['slow']),
    ...(threadsStuckMs === undefined ? [] : ['threads']),
    ...(stored.thinnedCount === 0 ? [] : ['thinned']),
    ...(stored.evictedUndeliveredCount === 0 ? [] : ['dropped']),
    ...(stored.overwrittenCount === 0 ? [] : ['overwritten']),
    ...(stored.sealingFailure === undefined ? [] : ['sealing']),
    ...stored.damage.filter(isLoss).map(({ file, offset }) => `${file} ${offset}`),
    ...[city, broker].flatMap((uplink) =>
      uplink === undefined || uplink.state === 'ok' || uplink.state === 'starting'
        ? []
        : `${uplink.state} ${uplink.problem?.code}`,
    ),
    ...(broker?.homeAssistant === undefined ? [] : [`home-assistant ${broker.homeAssistant.code}`]),
    ...(city?.held.map(({ sensor }) => sensor) ?? []),
    ...(city?.differing ?? []),
    ...Object.keys(orders ?? {}),
    ...(alarms?.open.map(({ alarm, about }) => `${alarm} ${about}`) ?? []),
  ].join('\n');
}

/** What is wrong, each thing by itself, for the end of a run. */
export function troublesOf(status: GatewayStatus, isSimulated = false): Trouble[] {
  const { devices, buses, outputs = [], city, broker } = status;
  const measured = [
    ...buses.map(({ bus, type, problem }) => ({ name: bus, type, problem })),
    ...devices.map(({ device, bus, problem }) => ({
      name: device,
      type: buses.find((each) => each.bus === bus)?.type,
      problem,
    })),
  ];
  return [
    ...measured.flatMap(({ name, type, problem }) => (problem === undefined ? [] : { name, type, ...problem })),
    ...outputs.map(({ output, problem }) => ({ name: output, message: problem })),
    ...(city === undefined ? [] : cityTroubles(city, isSimulated).map((message) => ({ name: 'city', message }))),
    ...ordersLines(status).map((message) => ({ name: 'orders', message })),
    ...(broker === undefined ? [] : brokerTroubles(broker).map((message) => ({ name: 'broker', message }))),
  ];
}

/** The alarms that are open, for the end of a run: a rule that raises one does what it should. */
export function alarmsOf({ alarms }: GatewayStatus): Trouble[] {
  return (alarms?.open ?? []).map(({ alarm, about, words }) => ({ name: text.alarmName(alarm, about), message: words }));
}

/** What the journal holds and what was lost; also shown without a running gateway. */
export function storedLines(
  stored: JournalStats,
  waitingCount?: number,
  oldestWaitingWallMs?: number,
  threadsStuckMs?: number,
): string[] {
  const limit = stored.sizeBytesMax < Number.MAX_SAFE_INTEGER ? sizeText(stored.sizeBytesMax) : undefined;
  const lines = [text.stored(stored.recordCount, sizeText(stored.sizeBytes), limit)];
  if (waitingCount !== undefined) lines.push(text.waiting(waitingCount, clockTime(oldestWaitingWallMs)));
  if (stored.failing !== undefined) {
    const { code, forMs, waitingCount, waitingMax } = stored.failing;
    lines.push(text.storageFailing(code, text.duration(forMs), waitingCount));
    lines.push(text.memoryLeft(code, waitingCount, waitingMax, memoryLeftMs(stored.failing)));
  } else if (threadsStuckMs !== undefined) {
    lines.push(text.threadsStuck(text.duration(threadsStuckMs), stored.slow?.waitingCount ?? 0));
  } else if (stored.slow !== undefined) {
    lines.push(text.storageSlow(text.duration(stored.slow.forMs), stored.slow.waitingCount));
  }
  if (stored.failing === undefined && stored.sealingFailure !== undefined) lines.push(text.sealingFailing(stored.sealingFailure));
  if (stored.overwrittenCount > 0) lines.push(text.overwritten(stored.overwrittenCount));
  if (stored.thinnedCount > 0) lines.push(text.thinned(stored.thinnedCount));
  if (stored.evictedUndeliveredCount > 0) lines.push(text.evicted(stored.evictedUndeliveredCount));
  const damage = stored.damage.filter(isLoss);
  lines.push(...damage.slice(0, DAMAGE_SHOWN).map(text.damage));
  if (damage.length > DAMAGE_SHOWN) lines.push(text.moreDamage(damage.length - DAMAGE_SHOWN));
  lines.push(...damageAdvice(damage));
  return lines;
}

/** How long memory will do at the pace so far; undefined before anything can be said. */
function memoryLeftMs({ forMs, waitingCount, waitingMax }: NonNullable<JournalStats['failing']>): number | undefined {
  if (waitingCount === 0 || forMs === 0) return undefined;
  return ((waitingMax - waitingCount) * forMs) / waitingCount;
}

/** What to do about damage. What is only no file of the journal, or of a later version, says nothing about the card. */
export function damageAdvice(damage: readonly Damage[]): readonly string[] {
  return damage.some(({ kind, what }) => kind !== 'other-version' && what === undefined) ? [text.damageAdvice] : [];
}

/** Whether damage cost records that were promised. A torn tail was promised to nobody. */
export function isLoss({ kind }: Damage): boolean {
  return kind !== 'torn-tail';
}

/** When a rule did something last, why it did not later, and when it is due next. */
function ruleLine({ rule, firedWallMs, idle, nextWallMs }: RuleStatus): string {
  const [fired, next] = [clockTime(firedWallMs), clockTime(nextWallMs)];
  const told = idle && `${clockTime(idle.wallMs)} ${outputsText.became(idle)}`;
  return outputsText.rule(rule, {
    ...(fired !== undefined && { fired }),
    ...(told !== undefined && { idle: told }),
    ...(next !== undefined && { next }),
  });
}

/** Alarms that are not over, and what the city does not know of them yet. */
function alarmLines(alarms: GatewayStatus['alarms']): string[] {
  if (alarms === undefined) return [];
  const { open, openCount, waitingCount, problem } = alarms;
  return [
    ...open.map(({ alarm, about, words, forMs }) => text.alarmLine(alarm, about, words, text.duration(forMs))),
    ...(openCount > open.length ? [text.moreAlarms(openCount - open.length)] : []),
    ...(waitingCount > 0 ? [text.alarmsWait(waitingCount)] : []),
    ...(problem === undefined ? [] : [cityText.alarmRefused(problem)]),
  ];
}

/** Only what is wrong with the time. */
function clockLines({ quality, doubt, doubtedWallMs, untimedBoots, untimedBootCount }: ClockStatus): string[] {
  const lines: string[] = [];
  if (doubt !== undefined) lines.push(text.clockDoubt(doubt, dateTime(doubtedWallMs ?? 0)));
  else if (quality === 'none') lines.push(text.noClock);
  const [oldest] = untimedBoots;
  if (oldest !== undefined) lines.push(text.untimedBoots(untimedBootCount, text.duration(oldest.dropInMs)));
  return lines;
}

function cityLines(city: UplinkStatus, isSimulated: boolean): string[] {
  const lines = [text.cityState(city.state, clockTime(city.sinceWallMs) ?? '')];
  if (city.problem !== undefined && isTrouble(city)) lines.push(text.cityProblem(city.problem));
  if (city.nextTryInMs !== undefined) lines.push(text.cityNextTry(city.nextTryInMs, city.attempt + 1));
  lines.push(text.cityCounts(city.deliveredCount, city.foldedCount));
  if (city.quota !== undefined) lines.push(cityText.quota(city.quota));
  if (city.cityClockAheadMs !== undefined) lines.push(cityText.clock(city.cityClockAheadMs));
  if (city.noTimeCount > 0) lines.push(text.noTime(city.noTimeCount));
  lines.push(...sensorTroubles(city, isSimulated));
  for (const [reason, readings] of Object.entries(city.rejected)) lines.push(text.rejected(reason, readings));
  return lines;
}

/** What is wrong with single sensors in the city. */
function sensorTroubles({ differing = [], held, catalog = 'off' }: UplinkStatus, isSimulated: boolean): string[] {
  const idsOf = (some: readonly HeldSensor[]) => some.map(({ sensor }) => sensor);
  const soon = held.filter(({ isRegistered }) => isRegistered === true);
  const others = held.filter(({ isRegistered }) => isRegistered !== true);
  const [first] = others;
  return [
    // An older gateway does not know of it.
    ...(differing.length > 0 ? [cityText.differing(differing)] : []),
    ...(first === undefined ? [] : cityText.held(idsOf(others), first.words, isSimulated ? 'simulated' : catalog)),
    ...(soon.length === 0 ? [] : [cityText.registered(idsOf(soon))]),
  ];
}

/** Why orders of the city do not come, where it is not that the city is not there. */
export function ordersLines({ city, orders = {} }: Pick<GatewayStatus, 'city' | 'orders'>): string[] {
  const { unread, unserved, unsubscribed } = orders;
  // While the city asks for a pause, or is away, nothing is asked: what was answered before may not be so any more.
  const isAsked = city?.state !== 'waiting' && city?.state !== 'unreachable';
  const isOwn = (problem: CityProblem | undefined): problem is CityProblem =>
    problem !== undefined && isAsked && (city === undefined || city.state === 'ok' || city.problem?.code !== problem.code);
  const { orders: say } = cityText;
  return [
    ...(isOwn(unread) ? [say.unread(text.cityProblem(unread))] : []),
    ...(unserved === undefined ? [] : [say.unserved(unserved)]),
    ...(isOwn(unsubscribed) ? [say.unsubscribed(text.cityProblem(unsubscribed))] : []),
  ];
}

function cityTroubles(city: UplinkStatus, isSimulated: boolean): string[] {
  const { problem } = city;
  return [...(problem !== undefined && isTrouble(city) ? [text.cityProblem(problem)] : []), ...sensorTroubles(city, isSimulated)];
}

/** Where the city takes readings, its problem is a past one or that of single readings; only a proxy that hides the version stays. */
function isTrouble({ state, problem }: UplinkStatus): boolean {
  return state !== 'ok' || problem?.code === VERSION_HIDDEN;
}

function brokerTroubles({ state, problem, homeAssistant }: UplinkStatus): string[] {
  return [
    ...(problem === undefined || state === 'ok' ? [] : [brokerText.problem(problem)]),
    ...(homeAssistant === undefined ? [] : [brokerText.homeAssistant(homeAssistant)]),
  ];
}

function brokerLines(broker: UplinkStatus): string[] {
  const lines = [brokerText.state(broker.state, clockTime(broker.sinceWallMs) ?? '')];
  lines.push(...brokerTroubles(broker));
  if (broker.nextTryInMs !== undefined) lines.push(text.cityNextTry(broker.nextTryInMs, broker.attempt + 1));
  lines.push(text.cityCounts(broker.deliveredCount, 0), brokerText.waiting(broker.waitingCount));
  if (broker.noTimeCount > 0) lines.push(text.noTime(broker.noTimeCount));
  for (const [reason, readings] of Object.entries(broker.rejected)) lines.push(text.rejected(reason, readings));
  return lines;
}

/** The time of day in the zone of this machine, with the date of that zone when it is another day. */
function clockTime(wallMs: number | undefined): string | undefined {
  if (wallMs === undefined) return undefined;
  const date = new Date(wallMs);
  const isToday = date.toDateString() === new Date().toDateString();
  return isToday ? `${date.toTimeString().slice(0, 5)} ${zoneName(wallMs)}` : dateTime(wallMs);
}

/** Date and time in the zone of this machine, with its name. */
function dateTime(wallMs: number): string {
  const date = new Date(wallMs);
  const day = [date.getFullYear(), date.getMonth() + 1, date.getDate()].map((part) => String(part).padStart(2, '0')).join('-');
  return `${day} ${date.toTimeString().slice(0, 5)} ${zoneName(wallMs)}`;
}
