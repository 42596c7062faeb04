import { freePort } from '../support/nats-server.ts';
import { atMost, note, type Workload } from './bench.ts';
import { composed } from './fixtures.ts';
import { ask, during, figures, PATH, positionAt } from './purge-flood.ts';
import { quantile, SPACE, sendSteadily, until, withBus } from './purge-stage.ts';
import { expectBody } from './stage.ts';

const SECONDS = 60;
const MESSAGES = 1_000_000;
const PORTION = 5_000; // messages that are made before they are sent
const FIRST = 200_000; // after which the heap is as large as all this needs, and the index has as many targets as it may
const PER_SECOND = MESSAGES / SECONDS;

export const purgeMillion: Workload = {
  name: 'purge-million',
  measures: `a hot page, and memory, while ${MESSAGES} purges of as many tags arrive in ${SECONDS} s`,
  run: (stage) =>
    withBus(async (bus) => {
      const port = await freePort();
      const origin = await stage.origin();
      const deaf = await stage.inlay(origin);
      const inlay = await stage.inlay(
        origin,
        { purge: { nats: bus.url, space: SPACE }, admin: { port } },
        { collectable: true },
      );
      for (const server of [deaf, inlay]) {
        await expectBody(server, PATH, composed(10));
        await ask(server.url, during(3)); // compiles what runs cold, and makes the heap as large as this needs
      }
      const before = { asked: await ask(inlay.url, during(5)), rss: inlay.rss(), ...(await inlay.collect()) };
      const wanted = (await bus.last()) + MESSAGES;
      let isOver = false;
      let first = 0;
      const sending = send(bus.port, (sent) => {
        if (sent === FIRST) first = inlay.rss();
      }).finally(() => {
        isOver = true;
      });
      // The server takes time from whoever asks, and from one that does not listen as well.
      const [asked, other] = await Promise.all([ask(inlay.url, () => !isOver), ask(deaf.url, () => !isOver)]);
      await sending;
      await until(async () => (await positionAt(port)) >= wanted, 'all purges were applied');
      const rss = inlay.rss();
      const { live } = await inlay.collect();
      return [
        note('before: p50, p99, longest', figures(before.asked)),
        note('meanwhile: p50, p99, longest', figures(asked)),
        note('one that does not listen: the same', figures(other)),
        atMost('p99, as a multiple of that', quantile(asked, 0.99) / quantile(other, 0.99), 1.5, ''),
        atMost('alive more than before', mebi(live - before.live), 32, ' MiB', 0),
        note('RSS grown by, in all', `${mebi(rss - before.rss).toFixed(0)} MiB`),
        atMost(`RSS grown by since the ${FIRST}th`, mebi(rss - first), 32, ' MiB', 0),
      ];
    }),
};

function mebi(bytes: number): number {
  return bytes / 1024 ** 2;
}

async function send(port: number, told: (sent: number) => void): Promise<void> {
  for (let from = 0; from < MESSAGES; from += PORTION) {
    told(from);
    // As text at once: whoever asks is in this process, too, and waits while it makes messages.
    const portion = Array.from({ length: PORTION }, (_, i) => {
      const number = from + i;
      return `{"v":1,"id":"million-${number}","mode":"hard","tags":["one-of-a-million:${number}"]}`;
    });
    await sendSteadily(port, portion, PER_SECOND);
  }
}
