/** A limit that a reading must be beyond, or two that it must be between. True of a yes-or-no reading is 1, false is 0. */
export interface ConditionConfig {
  /** `device.reading` */
  readonly reading: string;
  readonly above?: number;
  readonly below?: number;
}

/** Times of day, as `06:30`, in the time zone of the site. */
interface AtConfig {
  readonly at: readonly string[];
}

export interface WhenConfig {
  readonly when: ConditionConfig & {
    /** How long it must have held. */
    readonly forMs: number;
    /** Outputs (`device.output`) that must be seen off meanwhile. */
    readonly outputsOff: readonly string[];
  };
}

/** What a rule orders. */
export interface OrderConfig {
  /** `device.output` */
  readonly output: string;
  readonly on: boolean;
  /** Only of an order that leads away from what is safe. */
  readonly forMs?: number;
}

/** What a rule tells people, and the city where `sentilo.alerts` says so. */
export interface AlarmConfig {
  readonly alarm: string;
  /** One text, or one per language, as `Texts` of config.ts. */
  readonly say: Readonly<Record<string, string>>;
}

/** One rule of a site: at a time of day or when something holds; only if something else does; then one thing is done. */
export interface RuleConfig {
  readonly id: string;
  readonly trigger: AtConfig | WhenConfig;
  /** All of them must be known and hold. */
  readonly onlyIf: readonly ConditionConfig[];
  readonly action: OrderConfig | AlarmConfig;
}

/** Alarms that a gateway raises by itself: a rule cannot have one of these names. */
export const BUILT_IN_ALARMS = ['silent', 'buffer_filling', 'output_fault', 'disk'] as const;
