import { createHash } from 'node:crypto';
import { type Asked, askedOf } from './order-text.ts';

/** How a copy of an order came here: the city pushes each order once, and shows it whenever it is asked. */
export type Way = 'push' | 'poll';

/** An order as the city tells it. */
export interface TextOrder {
  /** The city's id of the output. */
  readonly sensor: string;
  /** The application or provider that gave it. */
  readonly sender: string;
  readonly text: string;
  /** When, on the city's clock. That of a push can differ by milliseconds from that of a poll (Sentilo reference §2.4). */
  readonly timeMs: number;
  /** It was given to all sensors of the provider; unknown where so much was ordered that the city cannot show whether it was. */
  readonly isForAll?: boolean | 'unknown';
}

/** What an answer says the order was: never its text, which may be anything and would be there for all to read. */
export interface Subject {
  readonly sender: string;
  /** Undefined where nobody understood it. */
  readonly on?: boolean;
  readonly id?: string;
}

/** One copy of an order, and what it asks for. */
export interface Copy extends TextOrder {
  readonly via: Way;
  readonly asked: Asked | { readonly problem: string };
  /** The same of two copies that can be of one order: eight bytes in hexadecimal. */
  readonly key: string;
  /** What the key would be if the order were for all sensors: the city may show the others no more when it is looked at again. */
  readonly keyToAll: string;
  /** The same of two orders that are meant as one; undefined of one without an id. */
  readonly idKey: string | undefined;
  /** Of the output: see `sensorKey`. */
  readonly sensorKey: string;
}

/** What the answer to an order calls it. */
export function subjectOf({ sender, asked }: Copy): Subject {
  if ('problem' in asked) return { sender };
  return { sender, on: asked.on, ...(asked.id !== undefined && { id: asked.id }) };
}

/** Stands for a sensor where there is little room: four bytes in hexadecimal. */
export function sensorKey(sensor: string): string {
  return digest(sensor, 4);
}

/**
 * Understands an order. Sentilo gives orders no identity: it is told by where it goes, who gave it and its text; the time tells
 * two of these apart. An id in the text says that two orders are meant as one.
 */
export function copyOf(order: TextOrder, via: Way): Copy {
  const { sensor, sender, text, isForAll = false } = order;
  const asked = askedOf(text);
  const ofSender = (...words: string[]) => digest(JSON.stringify([sensor, sender, ...words]), 8);
  const keyToAll = ofSender('to all', text);
  const idKey = 'id' in asked ? ofSender('id', asked.id ?? '', asked.on ? 'on' : 'off') : undefined;
  return {
    ...order,
    via,
    asked,
    key: isForAll === true ? keyToAll : ofSender('to it', text),
    keyToAll,
    idKey,
    sensorKey: sensorKey(sensor),
  };
}

function digest(text: string, bytes: number): string {
  return createHash('sha256')
    .update(text)
    .digest('hex')
    .slice(0, 2 * bytes);
}
