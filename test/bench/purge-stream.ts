import { SECRET } from '../support/signed.ts';
import { atMost, note, type Workload } from './bench.ts';
import type { Reached } from './purge-instance.ts';
import { purgeOfTag, sharedNow, withBus } from './purge-stage.ts';

const LIVE = 200_000;
const MISSED = 100_000;
const SIGNED = 100_000;

export const purgeStream: Workload = {
  name: 'purge-stream',
  measures: `purges of one key each, read from the stream: ${LIVE} as they come, ${MISSED} after an outage, ${SIGNED} signed`,
  run: () =>
    withBus(async (bus, start) => {
      const payloads = Array.from({ length: LIVE }, (_, i) => purgeOfTag(`item:${i % 50_000}`));
      const instance = await start(0, 'instance');
      await bus.send(payloads.slice(0, 20_000)); // what runs cold is compiled
      await instance.ask({ op: 'reached', seq: await bus.last() });
      await bus.send(payloads);
      const live = await instance.ask<Reached>({ op: 'reached', seq: await bus.last() });
      await bus.away((elsewhere) => elsewhere.send(payloads.slice(0, MISSED)));
      const back = sharedNow();
      const missed = await instance.ask<Reached>({ op: 'reached', seq: await bus.last() });
      if (live.applied !== LIVE || missed.applied !== MISSED)
        throw new Error(`${live.applied} of ${LIVE} and ${missed.applied} of ${MISSED} messages were applied`);
      await instance.stop();
      const believer = await start(0, 'instance', SECRET);
      await bus.send(payloads.slice(0, 20_000), SECRET);
      await believer.ask({ op: 'reached', seq: await bus.last() });
      await bus.send(payloads.slice(0, SIGNED), SECRET);
      const signed = await believer.ask<Reached>({ op: 'reached', seq: await bus.last() });
      if (signed.applied !== SIGNED) throw new Error(`${signed.applied} of ${SIGNED} signed messages were applied`);
      return [
        note('as they come, server and reader', rate(live)),
        note('after an outage, server and reader', rate(missed)),
        note('signed, as they come, server and reader', rate(signed)),
        note('of it until the first message', `${((missed.first - back) / 1_000).toFixed(2)} s`),
        atMost(`${MISSED} messages after an outage`, (missed.live - back) / 1_000, 3, ' s', 2),
      ];
    }),
};

function rate({ first, last, applied }: Reached): string {
  return `${Math.round(applied / ((last - first) / 1_000) / 1_000)} k/s`;
}
