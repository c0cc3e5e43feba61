import { describe, expect, it } from 'vitest';
import { textOf } from '../../cli/messages/catalogue.ts';
import { en } from '../../cli/messages/en.ts';
import { HEAD, loadText } from './site-files.ts';

const device = (more: string) => `${HEAD}devices: { d: { board: sht31@1, via: i2c1, ${more} } }\n`;
const reading = (more: string) => device(`readings: { temperature: { ${more} } }`);

describe('an empty value', () => {
  it.each([
    ['timezone: ""', HEAD.replace('id: demo', 'id: demo, timezone: ""'), 'nothing stands under `timezone:`'],
    ['board: ""', `${HEAD}devices: { d: { board: "", via: i2c1 } }\n`, '`` does not name a board'],
    ['via: ""', `${HEAD}devices: { d: { board: sht31@1, via: "" } }\n`, '`` is neither a bus nor a port of this site'],
    ['every: ""', device('every: ""'), 'nothing stands under `every:`'],
    ['name: null', device('name: null'), 'nothing stands under `name:`'],
    ['on_change: null', reading('report: { on_change: null }'), 'nothing stands under `on_change:`'],
    ['valid: []', reading('valid: []'), 'this list needs at least 2 entries'],
    ['valid: [1, 2, 3]', reading('valid: [1, 2, 3]'), 'this list takes at most 2 entries'],
    ['points: [[1, 2]]', reading('calibrate: { points: [[1, 2]] }'), 'fewer than 2 points make no line'],
    ['an id of 41 letters', HEAD.replace('id: demo', `id: ${'a'.repeat(41)}`), 'this text takes at most 40 characters'],
    ['at: []', `${HEAD}rules: { r: { at: [], do: { alarm: x } } }\n`, 'this list needs at least 1 entry'],
  ])('%s is spoken of without a placeholder', async (_title, text, expected) => {
    const { problems } = await loadText(text);
    const texts = problems.map(({ code, parameters }) => textOf(en, code, parameters));
    expect(texts.map(({ what }) => what)).toContain(expected);
    expect(JSON.stringify(texts)).not.toMatch(/\{[a-z]+\}/);
  });
});
