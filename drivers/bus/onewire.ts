/** One 1-Wire bus, as Linux drives it. A driver uses it and never closes it. */
export interface OneWireBus {
  /**
   * Lets a thermometer measure, and gives what the kernel says of it: the file w1_slave of its driver w1_therm, as bytes. Takes
   * up to a second.
   * @param rom as Linux names it, `28-0316a2799dff`
   * @throws BusError `absent` when the kernel sees no device of that name
   */
  readThermometer(rom: string): Promise<Uint8Array>;
}

/** What the owner of a 1-Wire bus sees. */
export interface OpenOneWireBus extends OneWireBus {
  close(): Promise<void>;
}
