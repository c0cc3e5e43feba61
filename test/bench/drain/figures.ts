/** What sending took. */
export interface Figures {
  readonly perSecond: number;
  /** Of the processor, microseconds a reading. */
  readonly cpuUs: number;
}
