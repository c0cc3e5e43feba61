import { followedInput } from '../../drivers/bus/followed-input.ts';
import type { DigitalInput, DigitalOutput, GpioLines, InputOptions } from '../../drivers/bus/gpio.ts';
import { BusError } from '../../drivers/errors.ts';
import type { LineModel } from '../devices/model.ts';
import { passFault } from './bus-fault.ts';
import { inputSource, simulatedLevel } from './gpio-input.ts';
import type { PlacedModel, World } from './world.ts';

const BUS = 'gpio';
const SAYS = { busy: 'the GPIO chip is in use', absent: 'the GPIO chip is not there' };

/** The simulated GPIO lines, by number. Each has one owner at a time; a line with nothing on it shows its pull. */
export function simulatedGpio(lines: ReadonlyMap<number, PlacedModel<LineModel>>, world: World): () => Promise<GpioLines> {
  const owned = new Set<number>();
  const outputs = new Map<number, boolean>();

  const take = async (line: number): Promise<void> => {
    await passFault(world, BUS, SAYS);
    if (owned.has(line)) throw new BusError('busy', `GPIO line ${line} is in use already`);
    owned.add(line);
  };
  const release = (line: number) => async () => {
    owned.delete(line);
  };
  const tap = (line: number, direction: 'in' | 'out', level: boolean) =>
    world.tap?.({
      bus: BUS,
      atMs: world.clock.monotonicMs(),
      direction,
      label: String(line),
      bytes: Uint8Array.of(Number(level)),
    });

  const openInput = async (line: number, options: InputOptions): Promise<DigitalInput> => {
    await take(line);
    const followed = simulatedLevel(inputSource(lines.get(line), options.pull, world), world.clock);
    const input = await followedInput(followed, { line, debounceMs: options.debounceMs, clock: world.clock });
    const seen = (level: boolean) => {
      tap(line, 'in', level);
      return level;
    };
    return {
      read: async () => {
        await passFault(world, BUS, SAYS);
        return seen(await input.read());
      },
      changes: async function* (signal, onMissed) {
        for await (const level of input.changes(signal, onMissed)) yield seen(level);
      },
      close: release(line),
    };
  };

  const openOutput = async (line: number, level: boolean): Promise<DigitalOutput> => {
    await take(line);
    const drive = (next: boolean) => {
      tap(line, 'out', next);
      outputs.set(line, next);
      lines.get(line)?.model.driven?.(next, world.clock.monotonicMs());
    };
    drive(level);
    return {
      write: async (next) => {
        await passFault(world, BUS, SAYS);
        drive(next);
      },
      read: async () => {
        await passFault(world, BUS, SAYS);
        return outputs.get(line) ?? false;
      },
      close: release(line),
    };
  };

  return async () => {
    await passFault(world, BUS, SAYS);
    return {
      input: (line) => ({ open: (options) => openInput(line, options) }),
      output: (line) => ({ open: (level) => openOutput(line, level) }),
      close: async () => {},
    };
  };
}
