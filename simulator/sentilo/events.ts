/** Something that was published and that subscribers may be told (sentilo.md §2.1). Times are milliseconds since 1970. */
export interface CityEvent {
  readonly type: 'DATA' | 'ORDER' | 'ALARM';
  /** `/data/p/s`, `/order/p/s`, `/order/p`, `/alarm/id` */
  readonly topic: string;
  /** The value, the order's or the alarm's text. */
  readonly message: string;
  /** Of the observation, order or alarm. */
  readonly timeMs: number;
  /** When it arrived. */
  readonly publishedAtMs: number;
  /** Who sent it. */
  readonly publisher: string;
  readonly provider?: string;
  readonly sensor?: string;
  readonly location?: string;
  readonly alert?: string;
  /** As the publisher of the alarm wrote it: the API server does not know the type of an alert. */
  readonly alertType?: string;
}

/** Takes what was published; whoever has subscribed to it is told later, and the publisher does not wait for that. */
export type Publish = (event: CityEvent) => void;
