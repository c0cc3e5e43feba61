import type { Answer, SerialModel } from '../devices/model.ts';
import type { FarEnd, Wire } from './line.ts';
import type { PlacedModel, World } from './world.ts';

/** A device at the end of a serial line: it answers what arrives and sends its unasked frames, each hit by its faults. */
export function serialDevice({ model, fate }: PlacedModel<SerialModel>, world: World, wire: Wire): FarEnd {
  const { clock } = world;
  const transmit = ({ afterMs, bytes }: Answer) => {
    const { isLost, delayMs, damage } = fate();
    if (!isLost) clock.timer(afterMs + delayMs, () => wire.send(damage(bytes)));
  };

  let cancel = () => {};
  const sendUnasked = (unasked: NonNullable<SerialModel['unasked']>) => {
    // The device's own rhythm counts from the start of the world, whenever somebody begins to listen.
    const nowMs = clock.monotonicMs();
    const nextMs = (Math.floor(nowMs / unasked.everyMs) + 1) * unasked.everyMs;
    cancel = clock.timer(nextMs - nowMs, () => {
      const bytes = unasked.frame(clock.monotonicMs());
      if (bytes !== undefined) transmit({ afterMs: 0, bytes });
      sendUnasked(unasked);
    });
  };
  if (model.unasked !== undefined) sendUnasked(model.unasked);

  return {
    receive: (bytes) => {
      for (const answer of model.receive(bytes, clock.monotonicMs())) transmit(answer);
    },
    close: () => cancel(),
  };
}
