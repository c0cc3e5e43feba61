import type { AlertStates } from '../gateway/uplink/alert-catalog.ts';
import type { CatalogPlan, Difference } from '../gateway/uplink/catalog-plan.ts';
import type { Wanted } from '../gateway/uplink/catalog-wanted.ts';
import { text } from './messages/sentilo.ts';
import { cellText, fitted, labelled } from './table.ts';

/** What `barri sentilo plan` shows. */
export interface PlanView {
  readonly url: string;
  readonly provider: string;
  readonly listedCount: number;
  /** Types that sensors are to have and that the city refuses. */
  readonly unknownTypes: readonly string[];
  /** Of each type that sensors are to have: what they measure, or are. */
  readonly quantities: ReadonlyMap<string, readonly string[]>;
  /** The components that the site's sensors are to belong to. */
  readonly components: Wanted['components'];
  /** Types that the catalogue shows. */
  readonly knownTypes: readonly string[];
  /** The same of components. */
  readonly unknownComponentTypes: readonly string[];
  /** The alerts that `sentilo.alerts` names: how many, and those among them that take no alarms of this provider. */
  readonly alertCount: number;
  readonly alerts: AlertStates;
  readonly plan: CatalogPlan;
}

/** What the city says may be long, and may hold anything. */
const WORDS_COLUMNS = 60;
const LABEL_WIDTH = 10;

/** Whether nothing is to be done, by this gateway or by anybody. Sensors that are only there are nobody's fault. */
export function isUpToDate({ plan, unknownTypes, unknownComponentTypes, alerts }: PlanView): boolean {
  const { create, changeSensors, changeComponents, misplaced } = plan;
  const all = [
    create,
    changeSensors,
    changeComponents,
    misplaced,
    unknownTypes,
    unknownComponentTypes,
    alerts.unknown,
    alerts.closed,
  ];
  return all.every(({ length }) => length === 0);
}

export function renderPlan(view: PlanView, { columns }: { readonly columns: number }): string {
  const { plan, unknownTypes, unknownComponentTypes, alerts } = view;
  const { labels } = text;
  const blocks: [string, string[]][] = [
    ...plan.create.map(({ sensor, type, component }): [string, string[]] => [
      labels.create,
      [text.create(sensor, type, component, unknownTypes.includes(type))],
    ]),
    ...alerts.unknown.map(({ id, alarms }): [string, string[]] => [labels.create, [text.alert(id, alarms)]]),
    ...plan.changeSensors.map(({ sensor, differences }): [string, string[]] => [
      labels.change,
      [sensor.sensor, ...differences.map(difference)],
    ]),
    ...plan.changeComponents.map(({ component, differences }): [string, string[]] => [
      labels.change,
      [text.component(component.component), ...differences.map(difference)],
    ]),
    ...plan.misplaced.map(({ sensor, from, to }): [string, string[]] => [
      labels.cannot,
      [text.misplaced(sensor, cellText(from, WORDS_COLUMNS), to)],
    ]),
    ...alerts.closed.map(({ id }): [string, string[]] => [labels.cannot, [text.closedAlert(id)]]),
    ...plan.gone.map((sensor): [string, string[]] => [labels.left, [text.gone(cellText(sensor, WORDS_COLUMNS))]]),
  ];
  const head = fitted(text.planHead(view), columns);
  const body = blocks.length === 0 ? '' : `\n${labelled(blocks, { columns, labelWidth: LABEL_WIDTH })}`;
  const ofSensors = unknownTypes.map((type) => text.unknownType(type, view.quantities.get(type) ?? [], view.knownTypes));
  const unknown = [...ofSensors, ...unknownComponentTypes.map(text.unknownComponentType)];
  const types = unknown.map((line) => fitted(line, columns)).join('');
  return `${head}${body}${types}\n${fitted(endOf(view), columns)}`;
}

/** What is to be done next. What is of a type that the city does not know is refused, as is a new sensor of such a component. */
function endOf(view: PlanView): string {
  if (isUpToDate(view)) return text.upToDate;
  const { plan, alerts, unknownTypes, unknownComponentTypes } = view;
  const isRefused = (type: string) => unknownTypes.includes(type);
  const isRefusedComponent = (component: string) =>
    unknownComponentTypes.includes(view.components.get(component)?.componentType ?? '');
  const refused = [
    ...plan.create.map(({ type, component }) => isRefused(type) || isRefusedComponent(component)),
    ...plan.changeSensors.map(({ sensor }) => isRefused(sensor.type)),
    ...plan.changeComponents.map(({ component }) => isRefusedComponent(component.component)),
    ...alerts.unknown.map(() => false),
  ];
  if (refused.every((each) => each)) return text.notToApply;
  return refused.some((each) => each) ? text.toApplyInPart : text.toApply;
}

function difference({ field, from, to }: Difference): string {
  return text.difference(field, cellText(from, WORDS_COLUMNS), to);
}
