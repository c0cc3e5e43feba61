import type { CityProblem } from '../../gateway/uplink/status.ts';

/** Readings are never sent on to an address that nobody has written down. */
const MOVED =
  'this address sends us on to {words}. If that is a login page, sign in to the network; if it is the city, write it into sentilo.url.';
/** What the city answered, and what to do about it. */
const CITY_PROBLEMS: Readonly<Record<string, string>> = {
  S000: 'no answer: {words}. Is this machine in the network, and is the address in sentilo.url right?',
  S001: 'an answer that is not Sentilo’s: {words}. Is a login page or another program at this address?',
  S002: 'the city takes this provider’s readings over TLS only: {words}. Write https:// in sentilo.url; if it says so already, the proxy in front of the city does not set X-Forwarded-Proto, and its operator has to.',
  S003: 'no safe connection to the city: {words}. Look at the date of this machine and at the address in sentilo.url; where the city has a certificate authority of its own, name its file in sentilo.ca.',
  S004: 'its answers disagree about the time: servers whose clocks are apart, or a proxy that dates them itself. Ask the city’s operator.',
  S005: 'an answer that is too long to be read: {words}. Is another program at this address? The catalogue of one provider may have some 80,000 sensors.',
  S006: 'its answers lack X-Sentilo-Version, so each reading is asked for after it was sent. A proxy takes it out: its operator has to let it through.',
  S301: MOVED,
  S302: MOVED,
  S303: MOVED,
  S307: MOVED,
  S308: MOVED,
  S400: 'the city cannot read what was sent: {words}',
  S401: 'the city rejects the token of this provider: {words}. Check the secret; a new token takes up to a minute to work.',
  S403: 'the city does not let this provider write: {words}. Ask the city’s operator for write permission.',
  S404: 'the city does not know a sensor: {words}. `barri sentilo plan` shows what its catalogue lacks.',
  S429: 'the quota of this hour is used up: {words}',
  S500: 'trouble in the city’s server: {words}',
  S503: 'the city’s server is starting: {words}',
  S900: 'the journal cannot record what is being sent: {words}',
};
const OTHER = 'the city answered: {words}';

/** Answers that say more than their code, by what their words contain. */
const TOLD_BY_WORDS: readonly { readonly code: string; readonly words: RegExp; readonly text: string }[] = [
  {
    code: 'S404',
    words: /^handler not found/,
    text: 'there is no Sentilo at this address: look at the path in sentilo.url ({words}).',
  },
  {
    code: 'S003',
    words: /wrong version number|packet length too long|http request/i,
    text: 'this port speaks http, not https: write http:// in sentilo.url, or the port at which the city speaks https.',
  },
];

/** What the city answered, or that it did not, and what to do about it, behind the code of it. */
export function cityProblem({ code, parameters }: CityProblem): string {
  const words = String(parameters['words'] ?? '');
  const told = TOLD_BY_WORDS.find((each) => each.code === code && each.words.test(words));
  return `${code} ${fill(told?.text ?? CITY_PROBLEMS[code] ?? OTHER, parameters)}`;
}

/** Puts parameters into the places of a text that are named in braces. */
function fill(template: string, parameters: Readonly<Record<string, string | number>>): string {
  return template.replaceAll(/\{(\w+)\}(\.?)/g, (_match, name: string, stop: string) => {
    const value = String(parameters[name] ?? '');
    return stop === '' ? value : sentence(value);
  });
}

/** Words of others with one full stop behind them. */
export function sentence(words: string): string {
  return `${words.trimEnd().replace(/\.+$/, '')}.`;
}
