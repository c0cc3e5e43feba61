/** An object of JSON. */
export type JsonObject = Readonly<Record<string, unknown>>;

/** The JSON value that somebody sent, or undefined when it is none: whoever asks decides what that means. */
export function parseJson(sent: string | Uint8Array): unknown {
  try {
    return JSON.parse(typeof sent === 'string' ? sent : new TextDecoder().decode(sent));
  } catch {
    return undefined;
  }
}

/** Whether a value is an object with keys: no list, and not null. */
export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A list at a key of an object; undefined where it is anything else. */
export function listIn(json: unknown, key: string): readonly unknown[] | undefined {
  const list = fieldIn(json, key);
  return Array.isArray(list) ? list : undefined;
}

/** A text at a key of an object; undefined where it is anything else. To make a text of an object can throw. */
export function textIn(json: unknown, key: string): string | undefined {
  const text = fieldIn(json, key);
  return typeof text === 'string' ? text : undefined;
}

/** What is at a key of an object; undefined where it is none, or has no such key of its own. */
export function fieldIn(json: unknown, key: string): unknown {
  return isObject(json) && Object.hasOwn(json, key) ? json[key] : undefined;
}
