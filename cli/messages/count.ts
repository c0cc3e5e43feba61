/** A number with the word that goes with it: `1 reading`, `1,204 readings`; where the plural is no `s`, with it: `2 entries`. */
export function count(value: number, one: string, several = `${one}s`): string {
  return `${value.toLocaleString('en')} ${value === 1 ? one : several}`;
}
