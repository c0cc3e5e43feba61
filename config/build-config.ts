import { dirname, resolve } from 'node:path';
import type { ModbusSpec, OutputSpec, PulseSpec, ReadingSpec, SwitchSpec } from '../drivers/driver.ts';
import { normaliseUnit, QUANTITIES } from '../drivers/quantities.ts';
import { buildOutputs, type Exclusions, exclusionsOf, safeOutputs } from './build-outputs.ts';
import { buildRules } from './build-rules.ts';
import {
  activeOutputs,
  activeReadings,
  cityTypeOf,
  componentOf,
  EVERY_DEFAULT_MS,
  hasStatistics,
  leastEveryMs,
  sensorOf,
  statisticOf,
} from './check-devices.ts';
import type {
  BusConfig,
  ChannelConfig,
  Config,
  ConvertStep,
  DeviceConfig,
  PlaceConfig,
  SentiloConfig,
  SignalConfig,
} from './config.ts';
import { addressOf, i2cDevice } from './conflicts.ts';
import { languagesOf } from './languages.ts';
import { buildMqtt } from './mqtt.ts';
import type { Readiness } from './readiness.ts';
import { type BoardOutput, type BoardReading, isPulseKind } from './schema-board.ts';
import type { ReadingEntry, ReportEntry } from './schema-gateway.ts';
import type { Plugged, Site } from './site.ts';

/** Registers that one Modbus request may read when the board says nothing (the specification's limit). */
const REGISTERS_MAX = 125;

/** Turns a site without errors into the frozen Config that the gateway runs. */
export function buildConfig(
  site: Site,
  devices: ReadonlyMap<string, Plugged>,
  readiness: ReadonlyMap<string, Readiness>,
): Config {
  const running = new Map<string, DeviceConfig>();
  const exclusions = exclusionsOf(devices);
  const buses = new Map<string, BusConfig>();
  const skipped = new Map<string, string>();
  const providers = new Map<string, PlaceConfig>();
  const used = new Set<string>();
  for (const [id, { via }] of devices) if (via?.kind === 'port' && readiness.get(id)?.kind === 'runs') used.add(via.device);
  for (const [id, state] of readiness) if (state.kind === 'skipped') skipped.set(id, state.code);
  for (const [id, device] of devices) {
    const state = readiness.get(id);
    if (state?.kind !== 'runs') continue;
    const isAsked = activeReadings(device).length + activeOutputs(device).length > 0;
    const isProvider = used.has(id);
    if (!isAsked && !isProvider) continue;
    const onBus = device.via?.kind === 'port' ? (devices.get(device.via.device) ?? device) : device;
    const bus = buildBus(onBus);
    buses.set(bus.id, bus);
    const place = buildPlace(site, device, state.with, { bus: bus.id, address: addressOf(onBus)?.value });
    if (isProvider) providers.set(id, place);
    if (isAsked) running.set(id, buildDevice(site, device, place, { onBus, exclusions }));
  }
  const { gateway, buffer } = site.file;
  const sentilo = buildSentilo(site);
  const mqtt = buildMqtt(site);
  return freeze({
    file: site.document.file,
    gateway: {
      id: gateway.id,
      name: gateway.name ?? { '*': gateway.id },
      timezone: gateway.timezone,
      languages: languagesOf(site),
      ...(gateway.location && { location: { lat: gateway.location.lat, lon: gateway.location.lon } }),
    },
    ...(sentilo && { sentilo }),
    ...(mqtt && { mqtt }),
    buffer: { keepMs: buffer.keep, maxSizeBytes: buffer.max_size, syncMs: buffer.sync },
    buses,
    devices: running,
    providers,
    skipped,
    rules: buildRules(site),
  });
}

function buildSentilo({ file, document }: Site): SentiloConfig | undefined {
  const { sentilo } = file;
  if (!sentilo) return undefined;
  const { component, callback } = sentilo;
  return {
    url: sentilo.url.replace(/\/+$/, ''),
    provider: sentilo.provider,
    tokenSecret: sentilo.token.secret,
    send: { everyMs: sentilo.send.every, batch: sentilo.send.batch },
    catalog: sentilo.catalog,
    ordersFrom: sentilo.orders_from ?? [],
    ...(callback && {
      callback: { endpoint: callback.url, keySecret: callback.secret.secret, port: callback.port, listen: callback.listen },
    }),
    alerts: new Map(Object.entries(sentilo.alerts ?? {})),
    component: {
      ...(component?.type !== undefined && { type: component.type }),
      ...(component?.public !== undefined && { isPublic: component.public }),
      ...(component?.energy !== undefined && { energy: component.energy }),
    },
    // Relative to the file that says it, which may be an included one.
    ...(sentilo.ca !== undefined && { caFile: resolve(dirname(document.placeOf(['sentilo', 'ca']).file), sentilo.ca) }),
  };
}

function buildBus({ via, board }: Plugged): BusConfig {
  if (via?.kind === 'gateway') return { type: 'gateway', id: 'gateway' };
  if (via?.kind !== 'bus') return { type: 'gpio', id: 'gpio' };
  const { bus: id, entry } = via;
  switch (entry.type) {
    case 'i2c':
      return { type: 'i2c', id, device: i2cDevice(id, entry.device) ?? '', speedHz: entry.speed };
    case 'onewire':
      return { type: 'onewire', id };
    case 'serial':
      // How the line is set is a fact of the product, and one product is all that a serial bus carries.
      return { type: 'serial', id, port: entry.port, baud: board.serial?.baud ?? 9600, format: board.serial?.format ?? '8N1' };
    case 'modbus-rtu': {
      const { type, port, baud, format, echo } = entry;
      return { type, id, port, baud, format, timeoutMs: entry.timeout, pauseMs: entry.pause, echo };
    }
    case 'modbus-tcp': {
      const { type, host, framing, connect_pause, in_flight } = entry;
      const own = { connectPauseMs: connect_pause, inFlight: in_flight };
      return { type, id, host, tcpPort: entry.tcp_port, timeoutMs: entry.timeout, framing, ...own };
    }
    default:
      throw new Error(`bus ${id}: a device runs on a bus of type ${entry.type}, which this version cannot open`);
  }
}

/** Where the device is and how its driver knows it. */
function buildPlace(
  site: Site,
  device: Plugged,
  parameters: unknown,
  { bus, address }: { readonly bus: string; readonly address: number | undefined },
): PlaceConfig {
  const { id, board, via } = device;
  const modbus = buildModbus(device);
  const ports = Object.entries(board.provides ?? {});
  return {
    id,
    board: board.id,
    driver: board.driver,
    needs: board.needs as DeviceConfig['needs'],
    via: {
      bus,
      ...(via?.kind === 'line' && { line: via.line }),
      ...(via?.kind === 'port' && { port: { provider: via.device, id: via.port } }),
    },
    ...(address !== undefined && { address }),
    spec: {
      board: board.id,
      with: parameters,
      readings: activeReadings(device).map(([name, reading]) => ({
        ...buildReading(name, reading, device.entry.readings?.[name]?.valid ?? reading.valid),
        ...buildPulses(reading, parameters),
      })),
      outputs: safeOutputs(device).map((output): OutputSpec => ({ ...output, ...placeOf(board.outputs?.[output.id]) })),
      ...(ports.length > 0 && {
        ports: ports.map(([port, kind]): SwitchSpec => ({ id: port, ...(typeof kind === 'object' && placeOf(kind)) })),
      }),
      ...(modbus && { modbus }),
      ...(usesTimezone(device) && { timezone: site.file.gateway.timezone }),
    },
  };
}

interface Around {
  /** The device itself, or what it is plugged into. */
  readonly onBus: Plugged;
  readonly exclusions: Exclusions;
}

function buildDevice(site: Site, device: Plugged, place: PlaceConfig, { onBus, exclusions }: Around): DeviceConfig {
  const { entry, board } = device;
  const everyMs = Math.max(entry.every ?? site.file.defaults?.every ?? EVERY_DEFAULT_MS, leastEveryMs(device, onBus));
  const runMs = board.timing?.duty?.run;
  return {
    ...place,
    name: entry.name ?? board.label,
    product: { label: board.label, ...(board.vendor !== undefined && { vendor: board.vendor }) },
    everyMs,
    readTimeMs: board.timing?.read_time ?? 0,
    ...(board.uses?.clock === true && { tellsTime: true }),
    // A device that is asked as often as it has to run for one answer never gets a pause.
    ...(runMs !== undefined && runMs < everyMs && { duty: { runMs } }),
    channels: activeReadings(device).map(([name, reading]) => buildChannel(site, device, name, reading)),
    outputs: buildOutputs(site, device, exclusions),
    simulate: new Map<string, SignalConfig>(Object.entries({ ...board.simulate, ...entry.simulate })),
  };
}

/** What the pulses of a counter stand for, its parameters put in. Only a driver that counts looks at it. */
function buildPulses(
  { kind, unit, per, scale_by, starts_at, resets }: BoardReading,
  parameters: unknown,
): { pulses?: PulseSpec } {
  if (per === undefined || !isPulseKind(kind)) return {};
  const numbers = parameters as Readonly<Record<string, number>>;
  const [scaleBy, startsAt] = [scale_by, starts_at].map((name) => (name === undefined ? undefined : numbers[name]));
  return {
    pulses: {
      kind,
      unit: normaliseUnit(unit) ?? unit,
      ...(scaleBy !== undefined && { scaleBy }),
      ...(startsAt !== undefined && { startsAt }),
      ...(resets && { resets }),
    },
  };
}

function usesTimezone(device: Plugged): boolean {
  return activeReadings(device).some(([, { per, resets }]) => per !== undefined && resets !== undefined);
}

function buildModbus({ board: { needs, modbus }, via }: Plugged): ModbusSpec | undefined {
  if (needs !== 'modbus') return undefined;
  const bus = via?.kind === 'bus' ? via.entry : undefined;
  return {
    readWith: modbus?.read_with ?? 'input',
    ...(modbus?.write_with && { writeWith: modbus.write_with }),
    encoding: modbus?.encoding ?? 'uint16',
    byteOrder: modbus?.byte_order ?? 'ABCD',
    registersMax: modbus?.max_registers ?? REGISTERS_MAX,
    holes: modbus?.holes ?? [],
    ...(modbus?.min_pause !== undefined && { minPauseMs: modbus.min_pause }),
    ...(bus?.type === 'modbus-rtu' && { baud: bus.baud }),
  };
}

/** Where an output lies among registers and coils; a register is written 1 and 0 when the board says nothing else. */
function placeOf(
  output:
    | (Pick<BoardOutput, 'coil' | 'register' | 'on_for'> & {
        readonly on?: number | undefined;
        readonly off?: number | undefined;
      })
    | undefined,
): Omit<SwitchSpec, 'id'> {
  if (output?.register !== undefined) return { register: { at: output.register, on: output.on ?? 1, off: output.off ?? 0 } };
  if (output?.coil === undefined) return {};
  const { coil, on_for: onFor } = output;
  return { coil, ...(onFor && { onFor: { coil: onFor.coil, stepMs: onFor.step, mostMs: onFor.most } }) };
}

function buildReading(id: string, reading: BoardReading, valid: BoardReading['valid']): ReadingSpec {
  const { at, registers, bit, scale, offset, encoding, scale_from: scaleFrom } = reading;
  return {
    id,
    ...(at !== undefined && { at }),
    ...(reading.read_with && { readWith: reading.read_with }),
    ...(encoding && { encoding }),
    ...(reading.byte_order && { byteOrder: reading.byte_order }),
    ...(registers !== undefined && { registers }),
    ...(bit !== undefined && { bit }),
    ...(scale !== undefined && { scale }),
    ...(offset !== undefined && { offset }),
    ...(scaleFrom !== undefined && { scaleFrom }),
    ...(reading.not_available && { notAvailable: reading.not_available.map(Number) }),
    // Only what lies among registers is understood by it. A value that is converted further is not in its unit yet, and of a
    // counter the range is that of its rises.
    ...(at !== undefined && valid && !reading.convert && counterRange(reading) === undefined && { valid }),
  };
}

function buildChannel(site: Site, device: Plugged, reading: string, board: BoardReading): ChannelConfig {
  const own = device.entry.readings?.[reading];
  const report = own?.report ?? defaultReport(site, board);
  const place = device.entry.location ?? site.file.gateway.location;
  const valid = own?.valid ?? board.valid;
  const flatAfterMs = own?.flat_after ?? board.flat_after;
  const calibrate = buildCalibration(own);
  const unit = normaliseUnit(board.unit) ?? board.unit;
  const range = counterRange(board);
  return {
    reading,
    name: own?.name ?? { '*': reading },
    quantity: board.quantity,
    unit,
    precision: board.precision ?? QUANTITIES.get(board.quantity)?.units[unit] ?? 1,
    kind: board.kind,
    sensor: sensorOf(site, device, reading),
    component: componentOf(site, device),
    cityType: own?.sentilo?.type ?? cityTypeOf(site, board.quantity),
    publish: own?.publish ?? board.publish,
    sendSuspect: own?.send_suspect ?? false,
    // The value of a position is a place of its own.
    ...(place && board.kind !== 'position' && { location: `${place.lat} ${place.lon}` }),
    ...(valid && { valid }),
    reject: board.reject ?? [],
    ...(range !== undefined && { counterRange: range }),
    ...(board.rollover !== undefined && range === undefined && { rollover: board.rollover }),
    ...(board.resets && { resets: board.resets }),
    ...(flatAfterMs !== undefined && { flatAfterMs }),
    ...(own?.max_step && { maxStep: { by: own.max_step.by, withinMs: own.max_step.within } }),
    ...(board.convert && { convert: board.convert.map(buildStep) }),
    ...(calibrate && { calibrate }),
    ...(report && { report: buildReport(report) }),
  };
}

/** Where the counter begins anew of which a reading is what it has gone on by. */
function counterRange({ kind, rollover }: BoardReading): number | undefined {
  return kind === 'delta' ? rollover : undefined;
}

/** The site's `report:` is not meant for each reading in particular: what would make no sense of a state is left out. */
function defaultReport({ file }: Site, board: BoardReading): ReportEntry | undefined {
  const report = file.defaults?.report;
  return report && (statisticOf(report) === undefined || hasStatistics(board)) ? report : undefined;
}

function buildCalibration(own: ReadingEntry | undefined): ChannelConfig['calibrate'] | undefined {
  const written = own?.calibrate;
  if (!written) return undefined;
  return written.points ? { points: written.points } : { offset: written.offset ?? 0, scale: written.scale ?? 1 };
}

function buildStep({ points, clamp, scale, offset }: NonNullable<BoardReading['convert']>[number]): ConvertStep {
  if (points) return { points };
  return clamp ? { clamp } : { scale: scale ?? 1, offset: offset ?? 0 };
}

function buildReport(report: ReportEntry): NonNullable<ChannelConfig['report']> {
  for (const of of ['mean', 'max', 'min', 'last'] as const) {
    const windowMs = report[`${of}_of`];
    if (windowMs !== undefined) return { of, windowMs };
  }
  return { onChange: report.on_change ?? true, ...(report.at_least !== undefined && { atLeastMs: report.at_least }) };
}

/** Freezes everything that a Config holds, so that nobody who gets one can change it for the others. */
function freeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value;
  const children = value instanceof Map ? value.values() : Object.values(value);
  for (const child of children) freeze(child);
  return Object.freeze(value);
}
