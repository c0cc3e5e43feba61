/**
 * How a gateway and the machine that it runs on are. What nobody can tell is missing, never made up: not every machine has a
 * sensor for each, and without a running gateway there is no more than the machine. Shares are from 0 to 1.
 */
export interface SelfHealth {
  /** Since the gateway was started. */
  readonly uptimeMs?: number;
  /** Records that have not reached the city yet. */
  readonly waitingCount?: number;
  /** How far the wall clock can be trusted, in the words of `WallQuality`. */
  readonly clockQuality?: string;
  /** Of the time of all processors since the last look, what they were busy. */
  readonly processorShare?: number;
  /** Of the memory, what no other program could have. */
  readonly memoryShare?: number;
  /** Of the disk with the state folder, what is in use of what this user could use. */
  readonly diskShare?: number;
  /** Of the processor, °C. */
  readonly temperatureC?: number;
  /** Whether the supply is too weak, or was at the last look of the kernel. */
  readonly isUnderVoltage?: boolean;
}

/** The gateway as a device of its own. A driver uses it and never closes it. */
export interface GatewaySelf {
  read(): Promise<SelfHealth>;
}

/** What the owner of the machine's part sees. */
export interface OpenMachine extends GatewaySelf {
  close(): Promise<void>;
}
