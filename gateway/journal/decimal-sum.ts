/** 10^0 to 10^15, all of them exact. */
const POWERS = Array.from({ length: 16 }, (_, exponent) => Number(`1e${exponent}`));
/** More digits behind the point than this are those of a binary number, not of a decimal that someone meant. */
const SCALE_MAX = 9;
/** A decimal of so many digits and its double mean each other. */
const DIGITS_MAX = 1e15;

/**
 * Adds up numbers: exactly, as the decimals that they are printed as, while these have at most nine digits behind the
 * point; from the first other one on as doubles, with the rounding errors added up beside them (Neumaier 1974).
 */
export class DecimalSum {
  /** The sum is `#digits` / 10^`#scale` while it is exact. */
  #digits = 0;
  #scale = 0;
  #isExact = true;
  #sum = 0;
  #error = 0;

  add(value: number): void {
    if (this.#isExact && this.#addDecimal(value)) return;
    if (this.#isExact) {
      this.#isExact = false;
      this.#addDouble(this.#digits / (POWERS[this.#scale] as number));
    }
    this.#addDouble(value);
  }

  get value(): number {
    return this.#isExact ? Number(`${this.#digits}e${-this.#scale}`) : this.#sum + this.#error;
  }

  copy(): DecimalSum {
    const copy = new DecimalSum();
    copy.#digits = this.#digits;
    copy.#scale = this.#scale;
    copy.#isExact = this.#isExact;
    copy.#sum = this.#sum;
    copy.#error = this.#error;
    return copy;
  }

  /** The sum divided by `count`, rounded to `places` digits behind the point, half away from zero. `places` may be negative: -1 is tens. */
  mean(count: number, places: number): number {
    const [digits, scale] = this.#isExact ? [BigInt(this.#digits), this.#scale] : exactDecimal((this.#sum + this.#error) / count);
    const divisor = this.#isExact ? BigInt(count) : 1n;
    const numerator = digits * powerOfTen(places - scale);
    const denominator = divisor * powerOfTen(scale - places);
    const size = numerator < 0n ? -numerator : numerator;
    const rounded = (2n * size + denominator) / (2n * denominator);
    return Number(`${numerator < 0n ? '-' : ''}${rounded}e${-places}`) + 0;
  }

  /** False when the value is no short decimal, or the sum gets too long. */
  #addDecimal(value: number): boolean {
    for (let scale = this.#scale; scale <= SCALE_MAX; scale++) {
      const power = POWERS[scale] as number;
      const digits = Math.round(value * power);
      if (digits / power !== value) continue;
      const sum = this.#digits * (POWERS[scale - this.#scale] as number) + digits;
      if (Math.abs(digits) > DIGITS_MAX || Math.abs(sum) > DIGITS_MAX) return false;
      this.#digits = sum;
      this.#scale = scale;
      return true;
    }
    return false;
  }

  #addDouble(value: number): void {
    const sum = this.#sum + value;
    this.#error += Math.abs(this.#sum) >= Math.abs(value) ? this.#sum - sum + value : value - sum + this.#sum;
    this.#sum = sum;
  }
}

/** The shortest decimal that means the double: digits and scale. */
function exactDecimal(value: number): [bigint, number] {
  const [mantissa = '', exponent = '0'] = String(value).split('e');
  const [whole = '', fraction = ''] = mantissa.split('.');
  return [BigInt(whole + fraction), fraction.length - Number(exponent)];
}

/** 1 for a negative exponent: the other side of the division takes it. */
function powerOfTen(exponent: number): bigint {
  return exponent > 0 ? BigInt(`1${'0'.repeat(exponent)}`) : 1n;
}
