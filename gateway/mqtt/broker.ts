/** A connection that stands, as those use it who send little: each waits for its answer, and a refused subscription is told. */
export interface Broker {
  publish(topic: string, payload: string, retain: boolean): Promise<void>;
  /** Resolves when it is in force, or was refused. */
  subscribe(topic: string): Promise<void>;
}
