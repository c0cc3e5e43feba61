import type { DeviceConfig, OutputConfig } from '../config/config.ts';
import type { Device, LastTotal } from '../drivers/driver.ts';
import { BusError, DeviceError, isHardwareError } from '../drivers/errors.ts';
import { isReading, type MissingReading, type Reading } from '../drivers/reading.ts';
import type { Turn } from './bus-queue.ts';
import { type Channel, openChannel } from './channel.ts';
import { type DeviceHealth, deviceHealth } from './device-state.ts';
import type { DeviceSurroundings } from './device-surroundings.ts';
import { DeviceUse } from './device-use.ts';
import { driveAllSafe, type Failure } from './drive-all-safe.ts';
import { onGrid } from './grid.ts';
import { orAborted } from './or-aborted.ts';
import { boardOf } from './places.ts';
import { readDeadlineMs } from './read-deadline.ts';
import type { Observation } from './record.ts';
import { openSilence } from './silence.ts';

/** What was asked of an output last; `done` gives what failed. */
interface Switching {
  readonly on: boolean;
  readonly done: Promise<Failure | undefined>;
}

/** A switch; or a poll, which was due at `dueMs` where it is one of the grid; or what wakes a device and lets it rest. */
interface Transaction {
  readonly kind: 'safe' | 'order' | 'poll' | 'rest';
  readonly dueMs?: number | undefined;
}

/** When its first turn came, and how long it had the bus. */
interface Used {
  beganMs?: number;
  tookMs: number;
}

/** One device of the site in use: polled on its grid, listened to, its outputs driven to safe. */
export class RunningDevice {
  readonly config: DeviceConfig;
  readonly health: DeviceHealth;
  readonly use = new DeviceUse();
  readonly #around: DeviceSurroundings;
  #lastTotals: ReadonlyMap<string, LastTotal> | undefined;
  #channels: readonly Channel[] | undefined;
  readonly #deadlineMs: number;
  readonly #silence = openSilence();
  /** Of the newest transaction. */
  #turn: Turn;
  /** Switches under way: what is asked of the device meanwhile belongs to their turn. */
  #switchCount = 0;
  readonly #switching = new Map<string, Switching>();
  /** What opens it does that to make its outputs safe: until it is open, or has failed to. */
  #opensForSafety = false;
  #device: Device | undefined;
  #opening: Promise<Device> | undefined;
  #isWatching = false;
  /** It was called before its next try was due. */
  #isCalled = false;
  /** Wakes it before its next try; tells whether that was needed. */
  #back: (now?: 'now') => boolean = () => false;

  /** `lastTotals`: see `goOnFrom`. */
  constructor(config: DeviceConfig, around: DeviceSurroundings, lastTotals?: ReadonlyMap<string, LastTotal>) {
    const { host, bus, driver } = around;
    this.config = config;
    this.health = deviceHealth(config.id, host.clock, host.log);
    this.#around = around;
    this.#lastTotals = lastTotals;
    this.#deadlineMs = readDeadlineMs(config, bus.config, driver);
    this.#turn = { board: this.board, rank: 'live', deadlineMs: this.#deadlineMs };
  }

  /** Before it is first polled: by reading, what the newest durable totals are. Its outputs may be driven before. */
  goOnFrom(lastTotals: ReadonlyMap<string, LastTotal> | undefined): void {
    this.#lastTotals = lastTotals;
  }

  get channels(): readonly Channel[] {
    const { clock, bootId: boot } = this.#around.host;
    const last = this.#lastTotals;
    this.#channels ??= this.config.channels.map((channel) =>
      openChannel(this.config.id, channel, {
        clock,
        boot,
        note: this.#around.note,
        lastTotal: last?.get(channel.reading)?.value,
      }),
    );
    return this.#channels;
  }

  /** It has not answered for some polls. */
  get isSilent(): boolean {
    return this.#silence.isSilent;
  }

  /** Who answers for it on its bus. */
  get board(): string {
    return boardOf(this.config);
  }

  get everyMs(): number {
    return this.config.everyMs;
  }

  /** Tries it although it is silent and its next try is not due. */
  tryNow(): void {
    if (this.#back('now')) this.#isCalled = true;
  }

  get isOpen(): boolean {
    return this.#device !== undefined;
  }

  /** Opens it, which drives its outputs to their safe states. Resolves to what failed of the hardware, unless `signal` cut it short. */
  async open(signal: AbortSignal): Promise<Failure | undefined> {
    await orAborted(this.#around.bus.tried, signal);
    return await this.#transaction(signal, async () => {}, { kind: 'safe' });
  }

  /** Polls on the grid and listens to what the device says by itself, until `signal` is aborted. */
  async run(signal: AbortSignal): Promise<void> {
    const { bus, rollCall, moments, keep, fatal } = this.#around;
    // The first reading is taken at the start: as soon as the port has been opened, not a period later.
    await orAborted(bus.tried, signal);
    const stopCalls = rollCall?.join(this);
    // Who pulls a cable mostly means to mend something: what is plugged in then is not left waiting for its next try.
    const stopLost = bus.onLost?.(() => {
      this.#silence.isThere();
      this.#back();
    });
    const stopLate = bus.onLate?.((unit, wasCutShort) => {
      if (unit === this.config.address) this.#answeredLate(wasCutShort);
    });
    await onGrid(this.config, moments, signal, {
      before: () => this.#transaction(signal, async (device) => device.wake?.(), { kind: 'rest' }),
      tick: async (dueMs, skippedCount) => {
        this.use.skipped(skippedCount);
        await this.poll(signal, dueMs);
        // A device that fails must not keep back what it measured before.
        for (const channel of this.channels) keep(channel.due());
        this.#watch(signal).catch(fatal);
        return this.#silence.nextTry?.earliestMs;
      },
      after: () => this.#transaction(signal, async (device) => device.sleep?.(), { kind: 'rest' }),
      expect: (dueMs) => bus.queue.expect(this.config.id, this.#silence.isSilent ? undefined : dueMs),
      onBack: (listener) => {
        this.#back = listener;
        return () => {
          this.#back = () => false;
        };
      },
    });
    stopLost?.();
    stopLate?.();
    stopCalls?.();
    bus.queue.expect(this.config.id, undefined);
  }

  /** Reads once: now, or as a poll that was due at `dueMs`. Resolves also when the hardware failed: see `health`. */
  async poll(signal: AbortSignal, dueMs?: number): Promise<void> {
    const read = async (device: Device, inner: AbortSignal) => {
      const results = (await device.read?.(inner)) ?? [];
      this.#silence.isThere();
      this.#around.rollCall?.answered(this);
      const { problem } = device;
      if (problem === undefined) this.health.succeeded();
      else this.#hasProblem(problem);
      this.#hearTime(results);
      for (const result of results) this.#take(result);
    };
    await this.#transaction(signal, read, { kind: 'poll', dueMs });
  }

  /** It is there. One that was waited for too shortly is asked again at once; any other would only be too late once more. */
  #answeredLate(wasCutShort: boolean): void {
    const wasSilent = this.isSilent;
    this.#silence.answeredLate();
    if (!wasSilent) return;
    if (!this.isSilent) this.#back();
    else if (wasCutShort) this.tryNow();
  }

  /**
   * At the end: reads once more what would be forgotten, which is what a driver has counted, and lets rest what rests between
   * reads, as it may be awake. Resolves also when the hardware failed.
   */
  async leave(signal: AbortSignal): Promise<void> {
    if (this.#device === undefined) return;
    if (this.#around.driver.countsPulses) await this.poll(AbortSignal.any([signal]));
    if (this.config.duty !== undefined)
      await this.#transaction(AbortSignal.any([signal]), async (device) => device.sleep?.(), { kind: 'rest' });
  }

  /**
   * Drives every output to its safe state, as soon as its bus was opened or could not be, and again what does not follow. Resolves also
   * when the hardware failed, which is logged. `told` is given each output, and what failed of it, after each try; not those that
   * `signal` cut short.
   */
  async toSafe(signal: AbortSignal, told: (output: string, error: Failure | undefined) => void = () => {}): Promise<void> {
    await orAborted(this.#around.bus.tried, signal);
    const drive = ({ id, safe }: OutputConfig) => this.#switch(id, safe, signal);
    const isOpen = () => this.isOpen;
    await driveAllSafe(this.config.outputs, { clock: this.#around.host.clock, isOpen, drive, told }, signal);
  }

  /**
   * Drives an output, before anything else on its bus, and checks that it took it. Returns what failed of the hardware. What is safe
   * waits for nothing else that is asked of the output: what has not been sent then is `superseded`. Where `isInTime` says no when it is
   * about to be sent it is `expired`. `leftMs` is for a board that has a time-out of its own.
   */
  switchTo(output: string, on: boolean, isInTime?: () => boolean, leftMs?: () => number): Promise<Failure | undefined> {
    return this.#switch(output, on, new AbortController().signal, isInTime, leftMs);
  }

  /** How long it may take until what makes it safe has got through. */
  get safeMs(): number {
    return this.#around.bus.safeMs ?? 0;
  }

  /** Keeps its bus free for what makes it safe at `atMs`. Returns what ends that. */
  holdFor(atMs: number): () => void {
    return this.#around.bus.holdFor?.(atMs, this.board) ?? (() => {});
  }

  #switch(
    id: string,
    on: boolean,
    signal: AbortSignal,
    isInTime = () => true,
    leftMs?: () => number,
  ): Promise<Failure | undefined> {
    const last = this.#switching.get(id);
    const isSafe = this.config.outputs.some((output) => output.id === id && output.safe === on);
    // The same is under way: one answer is one to all who ask for it.
    if (isSafe && last?.on === on) return last.done;
    const isNewest = () => this.#switching.get(id) === mine;
    const write = async (device: Device) => {
      if (!isNewest()) throw new BusError('superseded', `${this.config.id}.${id}: something newer was asked of it`);
      if (!isInTime()) throw new BusError('expired', `${this.config.id}.${id}: it was too old when its turn came`);
      await device.write?.(id, on, isInTime, leftMs);
    };
    // In a moment, when it is known to be the newest.
    const done = Promise.resolve().then(() => this.#transaction(signal, write, { kind: isSafe ? 'safe' : 'order' }));
    const mine: Switching = { on, done };
    this.#switching.set(id, mine);
    return done.finally(() => {
      if (isNewest()) this.#switching.delete(id);
    });
  }

  /** What windows that are still open hold. */
  finish(): readonly Observation[] {
    return this.channels.flatMap((channel) => channel.finish());
  }

  async close(): Promise<void> {
    await this.#device?.close();
  }

  /** One turn on the bus with the open device; a failure of the hardware ends in `health` and is returned, any other is thrown. */
  async #transaction(
    signal: AbortSignal,
    work: (device: Device, signal: AbortSignal) => Promise<void>,
    what: Transaction,
  ): Promise<Failure | undefined> {
    const { bus, host } = this.#around;
    const used: Used = { tookMs: 0 };
    const turn = this.#turnFor(what, used);
    const isSwitch = what.kind === 'safe' || what.kind === 'order';
    if (isSwitch || this.#switchCount === 0) this.#turn = turn;
    if (isSwitch) this.#switchCount += 1;
    if (what.kind === 'safe') this.#opensForSafety = true;
    try {
      await bus.transact(what.kind === 'safe' ? { ...turn, rank: 'safe' } : turn, signal, async (inner) => {
        await work(this.#device ?? (await this.#opened()), inner);
      });
      if (what.kind !== 'poll') return undefined;
      const nowMs = host.clock.monotonicMs();
      this.use.succeeded(nowMs - (used.beganMs ?? nowMs));
      if (what.dueMs !== undefined) bus.load.polled(this.config.id, this.config.everyMs, used.tookMs);
    } catch (error) {
      if (signal.aborted) return undefined;
      if (!isHardwareError(error)) throw error;
      if (error instanceof BusError && (error.kind === 'superseded' || error.kind === 'expired')) return error;
      if (what.kind === 'poll') this.#pollFailed(error, what.dueMs, used);
      // That the port is closed is only a consequence; the bus knows why.
      const isClosed = error instanceof BusError && error.kind === 'closed';
      const told = isClosed ? (bus.failure ?? error) : error;
      this.health.failed(told);
      return told;
    } finally {
      if (isSwitch) this.#switchCount -= 1;
    }
    return undefined;
  }

  /** It gives readings all the same. */
  #hasProblem(problem: DeviceError): void {
    this.health.failed(problem);
    this.#tellStrayed(problem);
  }

  #tellStrayed(error: Failure): void {
    if (error instanceof DeviceError && error.kind === 'strayed') this.#around.strayed?.(this.config.id, error);
  }

  #pollFailed(error: Failure, dueMs: number | undefined, { beganMs, tookMs }: Used): void {
    const { bus, host, rollCall } = this.#around;
    const nowMs = host.clock.monotonicMs();
    this.use.failed(error);
    this.#tellStrayed(error);
    this.#silence.failed(error, beganMs ?? nowMs, nowMs);
    // One that refuses is there.
    if (error instanceof BusError || this.#silence.isSilent) rollCall?.failed(this);
    else rollCall?.answered(this);
    // What fails takes its time of the bus all the same.
    if (this.#silence.isSilent) bus.load.left(this.config.id);
    else if (dueMs !== undefined) bus.load.polled(this.config.id, this.config.everyMs, tookMs);
  }

  /** The open device. A stop may ask for it while a poll is still opening it: there is one opening for both. */
  #opened(): Promise<Device> {
    this.#opening ??= this.#open().finally(() => {
      this.#opening = undefined;
      this.#opensForSafety = false;
    });
    return this.#opening;
  }

  async #open(): Promise<Device> {
    const { bus, connect, driver, host, learned } = this.#around;
    const turn = (): Turn => (this.#device === undefined && this.#opensForSafety ? { ...this.#turn, rank: 'safe' } : this.#turn);
    const lastTotals = driver.countsPulses ? this.#lastTotals : undefined;
    const spec = { ...this.config.spec, ...(lastTotals && { lastTotals }) };
    this.#device = await driver.open(await connect(this.config, bus, turn), spec, host.clock, learned);
    this.#around.opened?.(this.config.id, this.#device.problem);
    return this.#device;
  }

  /** What the board file could say of what was learned, as lines to paste. */
  get proposals(): readonly string[] {
    const { driver, learned } = this.#around;
    return learned === undefined ? [] : (driver.proposals?.(this.config.spec, learned) ?? []);
  }

  #turnFor({ kind, dueMs }: Transaction, used: Used): Turn {
    const { clock } = this.#around.host;
    const { nextTry, expectedMs } = this.#silence;
    const deadlineMs = this.#deadlineMs;
    const began = () => {
      if (used.beganMs !== undefined) return;
      used.beganMs = clock.monotonicMs();
      // What a silent device is late for delays nobody.
      if (dueMs !== undefined && nextTry === undefined) this.#around.lateness.add(used.beganMs - dueMs);
    };
    const ended = (tookMs: number, isVain: boolean) => {
      used.tookMs += tookMs;
      // It is back: its other requests, by which its outputs become safe too, must not wait between tries of those that are not.
      if (!isVain && this.#turn === turn && turn.rank === 'probe') this.#turn = { ...common, rank: 'live' };
    };
    const common = { board: this.board, deadlineMs, began, ended };
    const isSwitch = kind === 'safe' || kind === 'order';
    let turn: Turn = { ...common, rank: isSwitch ? 'order' : 'live' };
    if (isSwitch || nextTry === undefined) return turn;
    const latestMs = this.#isCalled ? clock.monotonicMs() : nextTry.latestMs;
    if (kind === 'poll') this.#isCalled = false;
    turn = { ...common, rank: 'probe', probe: { expectedMs, latestMs } };
    return turn;
  }

  async #watch(signal: AbortSignal): Promise<void> {
    const device = this.#device;
    if (device?.watch === undefined || this.#isWatching) return;
    this.#isWatching = true;
    try {
      for await (const reading of device.watch(signal)) this.#take(reading);
    } catch (error) {
      if (signal.aborted) return;
      if (!isHardwareError(error)) throw error;
      this.health.failed(error);
    } finally {
      // After a failure the next poll listens again.
      this.#isWatching = false;
    }
  }

  #hearTime(results: readonly (Reading | MissingReading)[]): void {
    if (this.config.tellsTime !== true) return;
    const wallMs = results.filter(isReading).find(({ deviceWallMs }) => deviceWallMs !== undefined)?.deviceWallMs;
    if (wallMs !== undefined) this.#around.heardTime?.(wallMs);
  }

  #take(result: Reading | MissingReading): void {
    const channel = this.channels.find(({ config }) => config.reading === result.id);
    if (channel === undefined) throw new Error(`${this.config.id}: the driver returned ${result.id}, which nobody asked for`);
    try {
      if (!isReading(result)) throw result.error;
      this.#around.keep(channel.accept(result.value, result.atLeast));
      this.health.readingSucceeded(result.id);
      const { latest } = channel;
      if (latest?.quality === 'good') this.#around.taken?.(channel.id, latest.value);
    } catch (error) {
      if (!isHardwareError(error)) throw error;
      this.health.readingFailed(result.id, error);
    }
  }
}
