import { Buffer } from 'node:buffer';
import { dirname, resolve } from 'node:path';
import { closest } from './closest.ts';
import type { MqttConfig } from './config.ts';
import { languagesOf } from './languages.ts';
import type { ProblemParameters } from './problem.ts';
import { isWritten, type Site } from './site.ts';

const TOPIC_DEFAULT = 'barri/{gateway}/{device}/{reading}';
const OWN = ['{device}', '{reading}'];
const PLACEHOLDERS = ['{gateway}', ...OWN];
/** A pattern is a line of a file; the names that are filled in come to it. */
const TOPIC_BYTES_MAX = 256;
/** The machine itself: nobody listens in between. */
const LOOPBACK = /^(?:localhost|127(?:\.[0-9]+){3}|\[::1\])$/;
/** Control characters, and what is no character at all: brokers end a connection over them (MQTT 5.0, §1.5.4). */
const FORBIDDEN = /[\p{Cc}\p{Cs}\p{Cn}]/u;

/** Reports what is wrong with `mqtt:`, and with outputs that take orders from there. */
export function checkMqtt(site: Site): void {
  const { mqtt } = site.file;
  if (!mqtt) {
    if (!isWritten(site, ['mqtt'])) noteOrders(site);
    return;
  }
  const url = checkUrl(site, mqtt.url);
  if (mqtt.topic !== undefined) {
    const fault = topicFault(mqtt.topic);
    if (fault !== undefined) site.report('C187', ['mqtt', 'topic'], { example: TOPIC_DEFAULT, ...fault });
    else if (!mqtt.topic.includes('{gateway}') && !mqtt.topic.includes(site.file.gateway.id))
      site.report('C192', ['mqtt', 'topic'], { example: TOPIC_DEFAULT }, 'warning');
  }
  if (mqtt.token && (mqtt.user !== undefined || mqtt.password)) site.report('C188', ['mqtt', 'token'], { case: 'both' });
  else if (mqtt.password && mqtt.user === undefined) site.report('C188', ['mqtt', 'password'], { case: 'user' });
  if (mqtt.qos === 0) site.report('C190', ['mqtt', 'qos']);
  const hasLogin = mqtt.token !== undefined || mqtt.password !== undefined;
  if (url?.protocol === 'mqtt:' && hasLogin && !LOOPBACK.test(url.hostname)) {
    site.report('C189', ['mqtt', 'url'], { host: url.host }, 'warning');
  }
}

function checkUrl(site: Site, written: string): URL | undefined {
  const path = ['mqtt', 'url'];
  const url = URL.canParse(written) ? new URL(written) : undefined;
  const isAddress = url !== undefined && /^mqtts?:$/.test(url.protocol) && url.hostname !== '';
  if (isAddress && (url.password !== '' || url.username !== '')) site.report('C186', path);
  else if (!isAddress || !/^\/?$/.test(url.pathname) || url.search + url.hash !== '') site.report('C185', path, { written });
  else return url;
  return undefined;
}

/** Nobody can give such orders. */
function noteOrders(site: Site): void {
  for (const [id, { outputs = {} }] of Object.entries(site.file.devices ?? {})) {
    for (const [name, { orders = [] }] of Object.entries(outputs)) {
      const path = ['devices', id, 'outputs', name, 'orders'];
      if (orders.includes('mqtt')) site.report('C191', path, { output: `${id}.${name}` }, 'warning');
    }
  }
}

/**
 * What is wrong with a pattern of topics. What stands before `{device}` and `{reading}` is the gateway's own: one rule of the
 * broker is then enough to keep it from everything else.
 */
function topicFault(pattern: string): ProblemParameters | undefined {
  const levels = pattern.split('/');
  const names = [...pattern.matchAll(/\{[^{}]*\}/g)].map(([name]) => name);
  const unknown = names.find((name) => !PLACEHOLDERS.includes(name));
  if (Buffer.byteLength(pattern) > TOPIC_BYTES_MAX || FORBIDDEN.test(pattern)) return { case: 'characters' };
  if (unknown !== undefined)
    return { case: 'unknown', name: unknown, known: PLACEHOLDERS, candidates: closest(unknown, PLACEHOLDERS) };
  if (/[+#]/.test(pattern)) return { case: 'wildcard' };
  if (levels.includes('')) return { case: 'empty' };
  if (pattern.startsWith('$')) return { case: 'dollar' };
  for (const name of OWN) {
    const count = names.filter((each) => each === name).length;
    if (count !== 1) return { case: count === 0 ? 'missing' : 'twice', name };
    if (!levels.includes(name)) return { case: 'level', name };
  }
  const firstOwn = levels.findIndex((level) => OWN.includes(level));
  if (firstOwn === 0) return { case: 'prefix', own: OWN };
  return levels.slice(firstOwn).join('/').includes('{gateway}') ? { case: 'order', name: '{gateway}', own: OWN } : undefined;
}

/** What the gateway needs to know of the broker; the site has no errors. */
export function buildMqtt({ file, document }: Site): MqttConfig | undefined {
  const { mqtt, gateway } = file;
  if (!mqtt) return undefined;
  const topic = (mqtt.topic ?? TOPIC_DEFAULT).replaceAll('{gateway}', gateway.id);
  const levels = topic.split('/');
  return {
    url: mqtt.url,
    ...(mqtt.token && { tokenSecret: mqtt.token.secret }),
    ...(mqtt.user !== undefined && { user: mqtt.user }),
    ...(mqtt.password && { passwordSecret: mqtt.password.secret }),
    // Relative to the file that says it, which may be an included one.
    ...(mqtt.ca !== undefined && { caFile: resolve(dirname(document.placeOf(['mqtt', 'ca']).file), mqtt.ca) }),
    prefix: levels
      .slice(
        0,
        levels.findIndex((level) => OWN.includes(level)),
      )
      .join('/'),
    topic,
    qos: mqtt.qos === 2 ? 2 : 1,
    ...(mqtt.discovery && { discovery: mqtt.discovery }),
    language: languagesOf({ file })[0],
  };
}
