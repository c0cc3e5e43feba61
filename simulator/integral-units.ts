const HOUR_MS = 3_600_000;
const MINUTE_MS = 60_000;

/** From a rate's unit to its total's: how much one of the rate adds to the total in one millisecond. */
const FACTORS: ReadonlyMap<string, number> = new Map([
  ['W>kWh', 0.001 / HOUR_MS],
  ['W>Wh', 1 / HOUR_MS],
  ['kW>kWh', 1 / HOUR_MS],
  ['kW>Wh', 1000 / HOUR_MS],
  ['var>kvarh', 0.001 / HOUR_MS],
  ['kvar>kvarh', 1 / HOUR_MS],
  ['L/min>L', 1 / MINUTE_MS],
  ['L/min>m3', 0.001 / MINUTE_MS],
  ['mm/h>mm', 1 / HOUR_MS],
  // Rain that comes in single tips is simulated by its rate an hour.
  ['mm>mm', 1 / HOUR_MS],
]);

/** The usual unit of the rate, for a board that names only its total's. */
const USUAL_RATE: Readonly<Record<string, string>> = { kWh: 'W', Wh: 'W', kvarh: 'var', L: 'L/min', m3: 'L/min', mm: 'mm/h' };

/**
 * How much a total in `totalUnit` grows in one millisecond for each unit of its rate. A total that nobody reads has no
 * known unit; any factor does for it.
 * @throws Error for two units of which one is not the other's rate
 */
export function integralFactor(rateUnit: string | undefined, totalUnit: string | undefined): number {
  if (totalUnit === undefined) return 1 / HOUR_MS;
  const rate = rateUnit ?? USUAL_RATE[totalUnit];
  const factor = FACTORS.get(`${rate}>${totalUnit}`);
  if (factor === undefined)
    throw new Error(`a total in ${totalUnit} cannot be the integral of a reading in ${rate ?? 'no unit'}`);
  return factor;
}
