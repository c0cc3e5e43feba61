/** One analogue input: a port of a converter or of an Arduino. */
export interface AnalogInput {
  /**
   * Measures the voltage at the input, volts against ground.
   * @throws BusError, DeviceError `not-available` where it is outside of the measuring range, or the reason of `signal`
   */
  readVolts(signal: AbortSignal): Promise<number>;
}
