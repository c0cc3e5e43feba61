/** One I2C bus. A driver uses it and never closes it. */
export interface I2cBus {
  /**
   * One transaction with the 7-bit `address`: writes `write` (may be empty), then, if `readLength` > 0, reads that many
   * bytes after a repeated start. Nothing of another transaction comes between.
   * @throws BusError `no-answer` when the address or a byte is not acknowledged, `timeout` and `stuck` when transfers come to no
   *   end, `hung` while the driver does not come back; `absent`, `busy`, `no-permission`, `unsupported` from an opening
   */
  transfer(address: number, write: Uint8Array, readLength: number): Promise<Uint8Array>;
}

/** What the owner of an I2C bus sees. */
export interface OpenI2cBus extends I2cBus {
  close(): Promise<void>;
}
