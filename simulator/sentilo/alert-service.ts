import type { Access } from './access.ts';
import { internalError, Refusal } from './answer.ts';
import { type AlertFields, readAlerts } from './catalog-body.ts';
import { duplicateProblems, isName, notFilledIn, refuseFor } from './catalog-checks.ts';
import { alertJson, listJson } from './catalog-listing.ts';
import { CATALOG_MAX, type CatalogAlert, type CatalogStore } from './catalog-store.ts';
import { hasText, isGiven } from './java-text.ts';
import type { Registry } from './registry.ts';
import type { ParsedRequest } from './request.ts';
import { bodyOf, pathParts } from './request-parts.ts';
import type { Circumstances, Service } from './service.ts';
import { CATALOG_ID, type Entity, type World } from './world.ts';

const TYPES: readonly string[] = ['EXTERNAL', 'INTERNAL'];
/** What each trigger wants for its expression. */
const TRIGGERS: Readonly<Record<string, 'number' | 'text' | 'nothing'>> = {
  GT: 'number',
  GTE: 'number',
  LT: 'number',
  LTE: 'number',
  EQ: 'text',
  CHANGE: 'nothing',
  CHANGE_DELTA: 'number',
  FROZEN: 'number',
};
const NUMBER = /^[-+]?\d+(\.\d+)?$/;

/** The service `/catalog/alert` (sentilo.md §1.6.5). The parts of its requests are those behind `alert`. */
export class AlertService implements Service {
  readonly #world: World;
  readonly #access: Access;
  readonly #registry: Registry;
  readonly #storeOf: () => CatalogStore;

  constructor(world: World, access: Access, registry: Registry, storeOf: () => CatalogStore) {
    this.#world = world;
    this.#access = access;
    this.#registry = registry;
    this.#storeOf = storeOf;
  }

  handle(request: ParsedRequest, entity: Entity, { nowMs }: Circumstances): string {
    const [owner] = request.parts.length === 0 ? [entity.id] : pathParts(request, 1);
    switch (request.method) {
      case 'GET':
        return this.#get(request, entity, owner);
      case 'POST':
        return this.#save(request, entity, owner, nowMs);
      case 'PUT':
        if (request.query.get('method') === 'delete') return this.#delete(request, entity, owner, nowMs);
        return this.#save(request, entity, owner, nowMs);
      case 'DELETE':
        return this.#delete(request, entity, owner, nowMs);
    }
  }

  /** Removes the alerts that are meant, whoever asks for it. */
  deleteEach(isMeant: (alert: CatalogAlert) => boolean, nowMs: number): void {
    const store = this.#storeOf();
    for (const alert of store.alerts().filter(isMeant)) {
      store.deleteAlert(alert.id);
      this.#registry.alertChanged(alert.id, undefined, nowMs);
    }
  }

  #get(request: ParsedRequest, entity: Entity, owner: string): string {
    this.#access.require(entity, 'ADMIN', owner);
    const owners = this.#access.reach(owner).map(({ target }) => target);
    const [type, trigger] = [request.query.get('type'), request.query.get('trigger')];
    const alerts = this.#storeOf()
      .alerts()
      // The list of an application's alerts is added when it is empty, and only then (W/service/impl/AlertServiceImpl.java).
      .filter((alert) => owners.includes(alert.entity) && this.#isProvider(alert.entity))
      .filter((alert) => !hasText(type) || alert.type === type)
      .filter((alert) => !hasText(trigger) || alert.trigger === trigger);
    return listJson('alerts', alerts.map(alertJson));
  }

  #save(request: ParsedRequest, entity: Entity, owner: string, nowMs: number): string {
    const { alerts } = readAlerts(bodyOf(request, nowMs), nowMs);
    if (alerts.length === 0) throw new Refusal(400, 'To insert or update alerts is mandatory to inform the alerts list');
    this.#access.require(entity, 'ADMIN', owner);
    // The API server looks into each alert for its type, so a null fails here and not in the catalogue.
    const fields = alerts.map((one) => {
      if (one === null) throw internalError(nowMs);
      return one;
    });
    if (entity.id !== CATALOG_ID && fields.some((one) => one.type === 'INTERNAL')) {
      throw new Refusal(403, 'You are not authorized to insert/update internal alerts.');
    }
    const isUpdate = request.method === 'PUT';
    const what = isUpdate ? 'Alerts have not been updated' : 'Alerts have not been inserted';
    refuseFor(what, fields.flatMap(choiceProblems));
    const saved = isUpdate ? this.#updated(fields, owner, nowMs, what) : this.#inserted(fields, owner, nowMs, what);
    if (!isUpdate && this.#storeOf().size + saved.length > CATALOG_MAX) throw internalError(nowMs, 'SIE01');
    for (const alert of saved) this.#keep(alert, nowMs);
    // The second of two alerts with one id is met by the data base, which by then has the others.
    if (new Set(saved.map(({ id }) => id)).size < saved.length) throw internalError(nowMs, 'SIE01');
    return '';
  }

  #inserted(fields: readonly AlertFields[], owner: string, nowMs: number, what: string): CatalogAlert[] {
    // A trigger is turned into one of the list before anything is checked; so is the name of the component into a key.
    if (fields.some((one) => one.type === 'INTERNAL' && (!hasText(one.trigger) || one.component === null))) {
      throw internalError(nowMs, 'SIE01');
    }
    const alerts = fields.map((one) => newAlert(one, owner, nowMs));
    refuseFor(
      what,
      alerts.flatMap((alert, at) => this.#problems(alert, fields[at]?.type ?? null)),
    );
    // They are told apart by their names, whatever their ids.
    refuseFor(what, duplicateProblems(alerts.map(({ name }) => String(name ?? null))));
    const existing = alerts.filter(({ id }) => this.#storeOf().alert(id));
    refuseFor(
      what,
      existing.map(({ id }) => `Alert ${id} : alert with the same id already exists.`),
    );
    return alerts;
  }

  #updated(fields: readonly AlertFields[], owner: string, nowMs: number, what: string): CatalogAlert[] {
    const found = fields.map((one) => {
      const before = one.id === null ? undefined : this.#storeOf().alert(one.id);
      const isIt = before?.type === one.type && before?.entity === (hasText(one.entity) ? one.entity : owner);
      return { one, before: isIt ? before : undefined };
    });
    refuseFor(
      what,
      found
        .filter(({ before }) => before === undefined)
        .map(({ one }) => `Alert ${one.id}: alert with this id and type ${one.type} has not been found in the system.`),
    );
    const alerts = found.flatMap(({ one, before }) => (before ? [mergedAlert(before, one, nowMs)] : []));
    refuseFor(
      what,
      alerts.flatMap((alert) => this.#problems(alert, alert.type)),
    );
    // Saved one after the other, the last of two with one id counts.
    return [...new Map(alerts.map((alert) => [alert.id, alert])).values()];
  }

  #problems(alert: CatalogAlert, type: string | null): string[] {
    const fields = isName(alert.id) ? [] : ['id'];
    // Errors of no field in particular make a line that names none.
    const isOdd = !hasText(type);
    if (type === 'INTERNAL') {
      const { component = '', sensor = '', trigger = '', expression } = alert;
      const found = this.#storeOf().sensor(alert.entity, sensor);
      if (found?.component !== component) fields.push('sensor');
      const wanted = TRIGGERS[trigger];
      const isRight = hasText(expression) ? wanted !== 'number' || NUMBER.test(expression) : wanted === 'nothing';
      if (!isRight) fields.push('expression');
    }
    return fields.length > 0 || isOdd ? [notFilledIn('Alert', alert.id, fields)] : [];
  }

  #delete(request: ParsedRequest, entity: Entity, owner: string, nowMs: number): string {
    const { ids } = readAlerts(bodyOf(request, nowMs), nowMs);
    this.#access.require(entity, 'ADMIN', owner);
    const isNamed = (id: string) => ids.length === 0 || ids.includes(id);
    this.deleteEach((alert) => alert.type === 'EXTERNAL' && alert.entity === owner && isNamed(alert.id), nowMs);
    return '';
  }

  #keep(alert: CatalogAlert, nowMs: number): void {
    const { id, entity, isActive, type } = alert;
    this.#storeOf().putAlert(alert);
    this.#registry.alertChanged(id, { entity, isActive, type }, nowMs);
  }

  #isProvider(id: string): boolean {
    return this.#world.entities.some((one) => one.id === id && one.kind === 'provider');
  }
}

/** Words that are in none of the lists. */
function choiceProblems({ name, type, trigger }: AlertFields): string[] {
  const where = 'Review doc to see which are valid values for that field.';
  return [
    ...(hasText(type) && !TYPES.includes(type) ? [`Alert ${name}: invalid alert type value ${type}. ${where}`] : []),
    ...(hasText(trigger) && TRIGGERS[trigger] === undefined
      ? [`Alert ${name}: invalid trigger type value ${trigger}. ${where}`]
      : []),
  ];
}

function newAlert(fields: AlertFields, owner: string, nowMs: number): CatalogAlert {
  const isInternal = fields.type === 'INTERNAL';
  return {
    id: String(fields.id),
    // The body decides whose it is; only the entity of the path was asked for its permission.
    entity: hasText(fields.entity) ? fields.entity : owner,
    type: isInternal ? 'INTERNAL' : 'EXTERNAL',
    name: fields.name ?? undefined,
    description: fields.description ?? undefined,
    isActive: true,
    trigger: isInternal ? (fields.trigger ?? undefined) : undefined,
    expression: isInternal ? (fields.expression ?? undefined) : undefined,
    component: isInternal ? (fields.component ?? undefined) : undefined,
    sensor: isInternal ? (fields.sensor ?? undefined) : undefined,
    createdAtMs: nowMs,
    updatedAtMs: nowMs,
  };
}

function mergedAlert(before: CatalogAlert, fields: AlertFields, nowMs: number): CatalogAlert {
  const isInternal = before.type === 'INTERNAL';
  return {
    ...before,
    name: isGiven(fields.name) ? fields.name : before.name,
    description: isGiven(fields.description) ? fields.description : before.description,
    trigger: isInternal && isGiven(fields.trigger) ? fields.trigger : before.trigger,
    expression: isInternal && isGiven(fields.expression) ? fields.expression : before.expression,
    updatedAtMs: nowMs,
  };
}
