import { dirname, join } from 'node:path';
import type { Driver } from '../drivers/driver.ts';
import { loadDriver } from '../drivers/registry.ts';
import { type BoardLibrary, openBoardLibrary } from './board-library.ts';
import { buildConfig } from './build-config.ts';
import { type BusPlan, planBuses } from './bus-plan.ts';
import { checkDevices } from './check-devices.ts';
import { checkExpectations } from './check-expect.ts';
import { checkOrders } from './check-orders.ts';
import { checkRules } from './check-rules.ts';
import { checkSafeStates } from './check-safe.ts';
import { checkCityTypes, checkEnergy } from './city-types.ts';
import type { Config } from './config.ts';
import { checkConflicts } from './conflicts.ts';
import { readIncludes, type SiteDocument } from './include.ts';
import { noteKeptOutputs } from './kept-outputs.ts';
import { checkMqtt } from './mqtt.ts';
import { noteInactive } from './not-active.ts';
import { checkPlaces } from './places.ts';
import { plugDevices } from './plug.ts';
import type { Place, Problem } from './problem.ts';
import { type Files, readDocument, unread } from './read-document.ts';
import { checkReadiness, type FindDriver, type Readiness } from './readiness.ts';
import { checkReferences } from './references.ts';
import { salvage } from './salvage.ts';
import { gatewaySchema } from './schema-gateway.ts';
import { makeConcealer, SECRETS_MAX, secretsIn } from './secrets.ts';
import { isWritten, type Plugged, type Site } from './site.ts';
import { validate } from './validate.ts';
import type { YamlDocument } from './yaml-document.ts';
import { dotted, nodeAt, type Path } from './yaml-tree.ts';

/** Stands in for what every site must have, when it is wrong, while the rest is checked. */
const FALLBACK = { schema: 'gateway/v1', gateway: { id: 'gateway' } };

/** This machine: nothing leaves it, so nothing needs encryption. */
const LOOPBACK = /^(?:localhost|127(?:\.[0-9]+){3}|\[::1\])$/;

/** The path of a service of the city, which is added to its address for each request (Sentilo API reference). */
const SERVICE_PATH = /\/(?:data|order|alarm|catalog|subscribe)(?:\/.*)?$/;

/** What a site is loaded with. */
export interface SiteOptions extends Files {
  /** Where boards are looked for after the folder `boards/` beside the site file, in this order. */
  readonly boardFolders: readonly string[];
  /** The drivers of this version unless a test says otherwise. */
  readonly findDriver?: FindDriver;
}

/** A loaded file: what is wrong with it, and what is needed to show that. */
export interface Loaded {
  /** All problems of all files, sorted by file, line and column. They hold no secret. */
  readonly problems: readonly Problem[];
  /** The text of every file that was read, by name, with CONCEALED (secrets.ts) in place of secrets. */
  readonly sources: ReadonlyMap<string, string>;
  /** Where a dotted path such as `devices.air.every` is written. */
  placeOf(path: string): Place;
}

export interface LoadedSite extends Loaded {
  /** Present when there is no error. */
  readonly config?: Config;
  /** How busy every bus will be, also where that is the error. */
  readonly plans: readonly BusPlan[];
}

/** Reads a site file with its includes and boards, and checks everything. Rejects only when `readFile` fails without a system code. */
export async function loadSite(file: string, options: SiteOptions): Promise<LoadedSite> {
  return loadSiteDocument(await readDocument(file, options), options);
}

/** The same for a file that has been read and parsed. */
export async function loadSiteDocument(first: YamlDocument, options: SiteOptions): Promise<LoadedSite> {
  const document = await readIncludes(first, options);
  const { value, problems: schemaProblems, written } = validate(document, gatewaySchema);
  const problems: Problem[] = [...document.problems, ...schemaProblems];
  const reported = new Set(problems.map(({ path }) => path));
  // One wrong key must not hide that two devices have one address.
  const file = value ?? salvage(written, gatewaySchema, FALLBACK);
  const documents: YamlDocument[] = [...document.documents];
  let config: Config | undefined;
  let plans: readonly BusPlan[] = [];
  if (file) {
    const site: Site = {
      document,
      file,
      report(code, path, ...rest) {
        // What the schema refused there has been said; the rest may follow from it.
        if (!reported.has(dotted(path))) problems.push(document.problem(code, path, ...rest));
      },
    };
    const library = openBoardLibrary([join(dirname(first.file), 'boards'), ...options.boardFolders], options);
    const { devices, readiness } = await checkSite(site, library, options.findDriver ?? loadDriver);
    for (const loaded of await library.loaded()) {
      documents.push(loaded.document);
      // Warnings and notes about a board are for whoever writes it, not for everybody who uses it.
      problems.push(...loaded.problems.filter(({ severity }) => severity === 'error'));
    }
    if (!problems.some(({ severity }) => severity === 'error')) {
      config = buildConfig(site, devices, readiness);
      plans = planBuses(config, driversOf(config, readiness));
      checkPlans(site, plans);
    }
  }
  const loaded = finish(document, documents, problems);
  const hasErrors = loaded.problems.some(({ severity }) => severity === 'error');
  return { ...loaded, plans, ...(config && !hasErrors && { config }) };
}

function driversOf({ devices, providers }: Config, readiness: ReadonlyMap<string, Readiness>): ReadonlyMap<string, Driver> {
  const drivers = new Map<string, Driver>();
  for (const { id, driver } of [...devices.values(), ...providers.values()]) {
    const state = readiness.get(id);
    if (state?.kind === 'runs') drivers.set(driver, state.driver);
  }
  return drivers;
}

/** What no wire can carry is an error; what usual devices are too slow for may still fit with quick ones. */
function checkPlans(site: Site, plans: readonly BusPlan[]): void {
  for (const { bus, pauseMs, lineShare, share, shortestMs } of plans) {
    const path = ['buses', bus];
    const common = { bus, shortestMs, ...(pauseMs === 0 ? {} : { pauseMs }) };
    if (lineShare > 1) site.report('C148', path, { ...common, percent: Math.round(100 * lineShare) });
    else if (share > 1) site.report('C149', path, { ...common, percent: Math.round(100 * share) }, 'warning');
  }
}

async function checkSite(
  site: Site,
  library: BoardLibrary,
  findDriver: FindDriver,
): Promise<{ devices: ReadonlyMap<string, Plugged>; readiness: ReadonlyMap<string, Readiness> }> {
  checkUplink(site);
  checkPlaces(site);
  checkMqtt(site);
  const { devices, waiting } = await plugDevices(site, library);
  if (Object.keys(site.file.devices ?? {}).length > 0) {
    for (const [folder, reason] of await library.unreadable()) {
      const { code, parameters } = unread(folder, reason);
      site.report(code, [], parameters);
    }
  }
  const broken = new Set([...(nodeAt(site.document.root, ['devices'])?.children.keys() ?? [])].filter((id) => !devices.has(id)));
  checkReferences(site, devices, broken);
  checkConflicts(site, devices);
  checkDevices(site, devices);
  checkSafeStates(site, devices);
  checkOrders(site, devices);
  checkCityTypes(site, devices);
  checkEnergy(site);
  checkExpectations(site, devices);
  const readiness = new Map(await checkReadiness(site, devices, findDriver));
  for (const [id, code] of waiting) readiness.set(id, { kind: 'skipped', code });
  checkRules(site, devices, readiness);
  noteInactive(site);
  noteKeptOutputs(site, devices);
  return { devices, readiness };
}

/** The address of the city: one that a token can be sent to. */
function checkUplink(site: Site): void {
  const { sentilo } = site.file;
  if (!sentilo) {
    if (!isWritten(site, ['sentilo']) && !isWritten(site, ['mqtt'])) site.report('C061', ['gateway'], {}, 'note');
    return;
  }
  const path = ['sentilo', 'url'];
  const url = checkedUrl(site, path, sentilo.url, 'C053');
  if (url?.protocol === 'http:' && !LOOPBACK.test(url.hostname) && !sentilo.insecure_http) {
    site.report('C052', path, { host: url.host });
  }
  const [service] = (url && SERVICE_PATH.exec(url.pathname)) ?? [];
  if (url !== undefined && service !== undefined)
    site.report('C210', path, { service, base: `${url.origin}${url.pathname.slice(0, -service.length)}` }, 'warning');
  if (sentilo.callback) checkedUrl(site, ['sentilo', 'callback', 'url'], sentilo.callback.url, 'C202');
}

/** The address, or undefined when it is none that is reached over HTTP without a password in it: then that was reported. */
function checkedUrl(site: Site, path: Path, written: string, code: 'C053' | 'C202'): URL | undefined {
  const url = URL.canParse(written) ? new URL(written) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol)) site.report(code, path, { written });
  else if (url.password !== '' || url.username !== '') site.report('C058', path);
  else return url;
  return undefined;
}

/** Sorts, removes what was said twice, and takes every secret out. */
export function finish(
  document: YamlDocument | SiteDocument,
  documents: readonly YamlDocument[],
  problems: readonly Problem[],
): Loaded {
  const placeOf = (path: string) => document.placeOf(path === '' ? [] : path.split('.'));
  const secrets = [...new Set(documents.flatMap(({ root }) => secretsIn(root)))];
  // Looking for each of thousands in every text takes minutes, and what cannot be hidden is not shown.
  if (secrets.length > SECRETS_MAX) {
    const tooMany = { ...document.problem('C063', [], { most: SECRETS_MAX }), place: { ...document.placeOf([]), length: 1 } };
    return { problems: [tooMany], sources: new Map(), placeOf };
  }
  const concealer = makeConcealer(secrets);
  const sources = new Map(documents.map(({ file, text }) => [file, concealer.source(text)]));
  const unique = new Map(problems.map((problem) => [JSON.stringify(problem), problem]));
  const order = [...sources.keys()];
  const sorted = [...unique.values()].sort(
    (a, b) =>
      order.indexOf(a.place.file) - order.indexOf(b.place.file) || a.place.line - b.place.line || a.place.column - b.place.column,
  );
  return { problems: sorted.map((problem) => concealer.problem(problem)), sources, placeOf };
}
