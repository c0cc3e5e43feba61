import type { Command } from 'commander';
import type { Config } from '../config/config.ts';
import type { Host } from '../gateway/host.ts';
import { realHost } from '../gateway/real-host.ts';
import { type AlertCatalog, openAlertCatalog, type WantedAlert, wantedAlerts } from '../gateway/uplink/alert-catalog.ts';
import { maskOf } from '../gateway/uplink/answer.ts';
import { type Applied, type Catalog, CatalogError, openCatalog, type Progress } from '../gateway/uplink/catalog.ts';
import type { ListedSensor } from '../gateway/uplink/catalog-listing.ts';
import { planCatalog } from '../gateway/uplink/catalog-plan.ts';
import { quantitiesByType, type Wanted, wantedOf } from '../gateway/uplink/catalog-wanted.ts';
import { VERSION } from '../gateway/version.ts';
import { cityCredentials } from './city-credentials.ts';
import { EXIT } from './exit-codes.ts';
import type { Io } from './io.ts';
import { text } from './messages/sentilo.ts';
import { isUpToDate, type PlanView, renderPlan } from './render-catalog-plan.ts';
import { say } from './say.ts';
import { siteToRun } from './site.ts';
import { SITE_DEFAULT } from './state-folder.ts';
import { fitted } from './table.ts';

interface CatalogOptions {
  readonly json?: boolean;
}

/** Adds the commands about the city. */
export function addSentilo(program: Command, io: Io): void {
  const sentilo = program.command('sentilo').description("Compare the city's catalogue with a site, and register its sensors.");
  const add = (
    name: string,
    description: string,
    help: string,
    action: (open: OpenCatalog, options: CatalogOptions) => Promise<void>,
  ) =>
    sentilo
      .command(name)
      .description(description)
      .argument('[site]', `site file (default: $BARRI_CONFIG, else ${SITE_DEFAULT})`)
      .option('--json', 'print JSON')
      .addHelpText('after', help)
      .action(async (site: string | undefined, options: CatalogOptions) => {
        const open = await openCityOf(site ?? io.env['BARRI_CONFIG'] ?? SITE_DEFAULT, io);
        if (open !== undefined) await orSayRefused(open, options, io, () => action(open, options));
      });
  add(
    'plan',
    "Show what of this site the city's catalogue lacks or shows otherwise. Changes nothing.",
    PLAN_HELP,
    (open, options) => plan(open, options, io),
  );
  add('apply', 'Register what is missing and change what differs. Deletes nothing.', APPLY_HELP, (open, options) =>
    apply(open, options, io),
  );
  sentilo.addHelpText(
    'after',
    '\nExamples:\n  barri sentilo plan school.gateway.yaml\n  barri sentilo apply school.gateway.yaml',
  );
}

const PLAN_HELP = `
Asks the city that the site names, with its token. Whether the city knows the
types of sensors and components is found out with requests that it always
refuses. It names the alerts of \`sentilo.alerts\` that the city does not have.
A sensor that is switched off in the city's console is not listed, and looks as
if it were missing.
Exit code 0 when the catalogue shows what the site says, 1 when not, 4 when the
city refuses or cannot be reached.

Examples:
  barri sentilo plan
  barri sentilo plan school.gateway.yaml --json`;

const APPLY_HELP = `
Creates sensors with their components, and alerts of \`sentilo.alerts\` (of the
kind EXTERNAL, with the provider's own token).
The first readings of a new sensor are taken about half a minute later; until
then they are kept.
Exit code 0 when the catalogue shows what the site says, 1 when the city takes
some of it not, 4 when it refuses or cannot be reached.

Examples:
  barri sentilo apply
  barri sentilo apply school.gateway.yaml`;

interface OpenCatalog {
  readonly catalog: Catalog;
  readonly wanted: Wanted;
  /** By the type that the city is to know. */
  readonly quantities: ReadonlyMap<string, readonly string[]>;
  readonly alertCatalog: AlertCatalog;
  readonly alerts: readonly WantedAlert[];
  readonly url: string;
  readonly provider: string;
}

/** The catalogue that a site names; undefined when it cannot be asked: then it was said why. */
async function openCityOf(file: string, io: Io): Promise<OpenCatalog | undefined> {
  const loaded = await siteToRun(file, io);
  if (loaded === undefined) return undefined;
  const { config, site } = loaded;
  if (config.sentilo === undefined) return say(text.noCity(file), io, EXIT.config);
  const credentials = await cityCredentials(config, site, file, io);
  if (credentials?.token === undefined) return undefined;
  const { url, provider } = config.sentilo;
  const host: Host = realHost(() => {});
  const { token, ca } = credentials;
  const common = { config: { url, provider }, token, mask: maskOf(token), userAgent: userAgentOf(config) };
  const options = { ...common, ...(ca !== undefined && { ca }) };
  const catalogs = { catalog: openCatalog(host, options), alertCatalog: openAlertCatalog(host, options) };
  const quantities = quantitiesByType(config);
  return { ...catalogs, wanted: wantedOf(config), quantities, alerts: wantedAlerts(config.sentilo.alerts), url, provider };
}

function userAgentOf({ gateway }: Config): string {
  return `barri/${VERSION} (${gateway.id})`;
}

/** Says what the city answered, what was done before it did, and what to do. */
async function orSayRefused(
  { provider }: OpenCatalog,
  { json }: CatalogOptions,
  io: Io,
  work: () => Promise<void>,
): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!(error instanceof CatalogError)) throw error;
    const { problem, applied } = error;
    if (json === true) io.out(`${JSON.stringify({ ...shownAsJson(applied), problem })}\n`);
    say(text.refused(problem, provider, applied), io, EXIT.city);
  }
}

async function plan(open: OpenCatalog, { json }: CatalogOptions, io: Io): Promise<void> {
  const { catalog, wanted, url, provider } = open;
  const { signal } = new AbortController();
  const listed = await catalog.list(signal);
  const found = planCatalog(wanted, listed);
  // A type that the catalogue shows somewhere is one that it knows.
  const shown = new Set(listed.map(({ type }) => type));
  const types = new Set([...found.create, ...found.changeSensors.map(({ sensor }) => sensor)].map(({ type }) => type));
  const doubtful = [...types].filter((type) => !shown.has(type));
  const unknown = async (field: 'type' | 'componentType', all: readonly string[]) =>
    all.length === 0 ? [] : await catalog.unknownTypes(field, all, signal);
  const unknownTypes = await unknown('type', doubtful);
  const unknownComponentTypes = await unknown('componentType', doubtfulComponentTypes(wanted, listed));
  const alerts = await open.alertCatalog.look(open.alerts, signal);
  const lacking = { url, provider, unknownTypes, unknownComponentTypes };
  const counts = { alertCount: open.alerts.length, listedCount: listed.length };
  const knownTypes = [...shown].filter((type): type is string => type !== undefined);
  const { quantities } = open;
  const { components } = wanted;
  const view: PlanView = { ...lacking, ...counts, quantities, components, knownTypes, alerts, plan: found };
  const idsOf = (some: readonly WantedAlert[]) => some.map(({ id }) => id);
  const fields = { ...lacking, unknownAlerts: idsOf(alerts.unknown), closedAlerts: idsOf(alerts.closed), ...found };
  io.out(json === true ? `${JSON.stringify(fields)}\n` : renderPlan(view, io));
  if (!isUpToDate(view)) io.setExitCode(EXIT.problems);
}

function shownAsJson({ created, changed, refused }: Applied): object {
  return { created, changed, refused: Object.fromEntries(refused) };
}

/** The types that components are to have and that none has yet. */
function doubtfulComponentTypes({ components }: Wanted, listed: readonly ListedSensor[]): readonly string[] {
  const shown = new Set(listed.map(({ componentType }) => componentType));
  const types = new Set([...components.values()].flatMap(({ componentType }) => componentType ?? []));
  return [...types].filter((type) => !shown.has(type));
}

async function apply(open: OpenCatalog, { json }: CatalogOptions, io: Io): Promise<void> {
  const { signal } = new AbortController();
  const progress: Progress = (step, ids) => {
    if (json !== true) io.out(fitted(text.progress(step, ids), io.columns));
  };
  const sensors = await open.catalog.apply(open.wanted, progress, signal);
  const alerts = await applyAlerts(open, progress, signal).catch((error: unknown) => {
    if (!(error instanceof CatalogError)) throw error;
    throw new CatalogError(error.problem, error.isUnknown, { cause: error, applied: together(sensors, error.applied) });
  });
  const applied = together(sensors, alerts);
  const { refused } = applied;
  if (json === true) io.out(`${JSON.stringify(shownAsJson(applied))}\n`);
  else io.out(fitted(text.applied(applied), io.columns));
  for (const [sensor, words] of refused) if (json !== true) say(text.sensorRefused(sensor, words), io);
  if (refused.size > 0) io.setExitCode(EXIT.problems);
}

/** Creates the alerts that nobody has. One that is somebody else's stays as it is. */
async function applyAlerts({ alertCatalog, alerts }: OpenCatalog, progress: Progress, signal: AbortSignal): Promise<Applied> {
  const { unknown, closed } = await alertCatalog.look(alerts, signal);
  const { created, changed, refused } = await alertCatalog.create(unknown, progress, signal);
  const others = closed.map(({ id }) => [id, text.closedAlert(id)] as const);
  return { created, changed, refused: new Map([...refused, ...others]) };
}

function together(one: Applied, other: Applied): Applied {
  return {
    created: [...one.created, ...other.created],
    changed: [...one.changed, ...other.changed],
    refused: new Map([...one.refused, ...other.refused]),
  };
}
