import type { Texts } from '../../config/config.ts';

/** A text in the first of these languages that it has, else in any. */
export function textIn(languages: readonly string[], texts: Texts): string {
  const language = languages.find((each) => texts[each] !== undefined);
  return (language === undefined ? undefined : texts[language]) ?? texts['*'] ?? Object.values(texts)[0] ?? '';
}

/** Of an alarm that is over: before its own words. */
export const OVER: Texts = { ca: 'Resolt', es: 'Resuelto', en: 'Over' };

/** What the gateway's own alarms say. A name has one text or one per language, as theirs have. */
export const say = {
  silentDevice: (name: Texts): Texts => ({
    ca: `no respon: ${textIn(['ca'], name)}`,
    es: `no responde: ${textIn(['es'], name)}`,
    en: `does not answer: ${textIn(['en'], name)}`,
  }),
  silentBus: (bus: string): Texts => ({
    ca: `no respon res del que hi ha a ${bus}`,
    es: `no responde nada de lo que hay en ${bus}`,
    en: `nothing on ${bus} answers`,
  }),
  /** Why, in the words of its driver, which are English: in other languages only that it is so. */
  outputFault: (output: string, problem: string): Texts => ({
    ca: `la sortida ${output} no obeeix`,
    es: `la salida ${output} no obedece`,
    en: `the output ${output} does not obey (${problem})`,
  }),
  outputUnseen: (output: string): Texts => ({
    ca: `no se sap com està la sortida ${output}`,
    es: `no se sabe cómo está la salida ${output}`,
    en: `nobody knows how the output ${output} stands`,
  }),
  bufferFilling: {
    city: (): Texts => ({
      ca: 'les lectures esperen massa temps o no hi caben: la ciutat no les rep',
      es: 'las lecturas esperan demasiado o no caben: la ciudad no las recibe',
      en: 'readings wait for too long or find no room: the city does not get them',
    }),
    broker: (): Texts => ({
      ca: 'les lectures esperen massa temps o no hi caben: el servidor MQTT no les rep',
      es: 'las lecturas esperan demasiado o no caben: el servidor MQTT no las recibe',
      en: 'readings wait for too long or find no room: the MQTT broker does not get them',
    }),
  },
  disk: (code: string): Texts => ({
    ca: `el disc no desa el que es mesura (${code})`,
    es: `el disco no guarda lo que se mide (${code})`,
    en: `the disk does not keep what is measured (${code})`,
  }),
  slowDisk: (): Texts => ({
    ca: 'el disc no respon',
    es: 'el disco no responde',
    en: 'the disk does not answer',
  }),
} as const;
