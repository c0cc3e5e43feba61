import type { Access } from './access.ts';
import { internalError, Refusal, rejectedResources } from './answer.ts';
import { formatTimestamp } from './calendar.ts';
import type { Publish } from './events.ts';
import { bindFields, bindString, type JavaClass, type JavaString, readBody } from './java-binding.ts';
import { hasText } from './java-text.ts';
import { MessageStore, type StoredMessage } from './message-store.ts';
import { alertNotFound, type KnownAlert, type Registry, reasonAgainstAlert } from './registry.ts';
import type { ParsedRequest } from './request.ts';
import { bodyOf, pathParts, spanOf, verbOf } from './request-parts.ts';
import type { Circumstances, Service } from './service.ts';
import type { Entity } from './world.ts';

const LIMIT_MAX = 50;
/** What the path and the token say overwrites `alertId`, `sender` and `entityOwner`; `componentId` is taken and forgotten. */
const ALARM: JavaClass = {
  name: 'AlarmInputMessage',
  fields: ['message', 'alertType', 'providerId', 'sensorId', 'componentId', 'alertId', 'sender', 'entityOwner'],
};

/** The service `/alarm` (sentilo.md §1.8). Alarms belong to alerts, whose ids are global. */
export class AlarmService implements Service {
  readonly #store = new MessageStore();
  readonly #access: Access;
  readonly #registry: Registry;
  readonly #publish: Publish;

  constructor(access: Access, registry: Registry, publish: Publish) {
    this.#access = access;
    this.#registry = registry;
    this.#publish = publish;
  }

  handle(request: ParsedRequest, entity: Entity, circumstances: Circumstances): string {
    return verbOf(request, ['GET', 'PUT']) === 'GET'
      ? this.#get(request, entity, circumstances)
      : this.#put(request, entity, circumstances);
  }

  #get(request: ParsedRequest, entity: Entity, { nowMs }: Circumstances): string {
    const [id] = pathParts(request, 1);
    const { fromMs, toMs, limit } = spanOf(request, nowMs);
    // An inactive alert reads as any other.
    this.#access.require(entity, 'READ', this.#known(id, nowMs).entity);
    const isLost = this.#registry.alert(id, nowMs) === undefined;
    const found = isLost ? [] : this.#store.newest(id, fromMs, toMs, Math.min(limit, LIMIT_MAX));
    return `{"alarms":[${found.map(alarmJson).join(',')}]}`;
  }

  #put(request: ParsedRequest, entity: Entity, { nowMs }: Circumstances): string {
    const [id] = pathParts(request, 1);
    const { message, alertType, providerId, sensorId } = readAlarm(bodyOf(request, nowMs), nowMs);
    // The owner is looked up before the message is checked, so an unknown alert comes before a missing text.
    const alert = this.#known(id, nowMs);
    if (!hasText(message)) throw new Refusal(400, 'To publish an alarm is mandatory to fill in the message field');
    this.#access.require(entity, 'WRITE', alert.entity);
    // Owners are remembered by the server, so a lost registry is noticed only here.
    if (this.#registry.alert(id, nowMs) === undefined) throw rejectedResources(new Map([[id, alertNotFound(id)]]));
    const reason = reasonAgainstAlert(id, alert);
    // The real server names the sensor of the alarm here, which mostly there is not.
    if (reason !== undefined) throw rejectedResources(new Map([[String(sensorId), reason]]));
    const stored = { text: message, sender: entity.id, timeMs: nowMs, scoreMs: nowMs };
    if (!this.#store.add(id, this.#store.nextId(), stored)) throw internalError(nowMs);
    this.#publish({
      type: 'ALARM',
      topic: `/alarm/${id}`,
      message,
      alert: id,
      timeMs: nowMs,
      publishedAtMs: nowMs,
      publisher: entity.id,
      ...(alertType !== null && { alertType }),
      ...(providerId !== null && { provider: providerId }),
      ...(sensorId !== null && { sensor: sensorId }),
    });
    return '';
  }

  #known(id: string, nowMs: number): KnownAlert {
    const alert = this.#registry.rememberedAlert(id, nowMs);
    if (alert === undefined) throw new Refusal(404, alertNotFound(id));
    return alert;
  }
}

type AlarmFields = Record<'message' | 'alertType' | 'providerId' | 'sensorId', JavaString>;

/** Throws 400, and 500 for the JSON literal `null`. An empty body is an alarm without anything. */
function readAlarm(body: string, nowMs: number): AlarmFields {
  const alarm: AlarmFields = { message: null, alertType: null, providerId: null, sensorId: null };
  if (!hasText(body)) return alarm;
  const json = readBody(body, nowMs);
  if (json.type === 'null') throw internalError(nowMs);
  bindFields(ALARM, json, nowMs, (key, value) => {
    const text = bindString(value, nowMs);
    if (key in alarm) alarm[key as keyof AlarmFields] = text;
  });
  return alarm;
}

function alarmJson({ text, timeMs, sender }: StoredMessage): string {
  return JSON.stringify({ message: text, timestamp: formatTimestamp(timeMs), sender, time: timeMs });
}
