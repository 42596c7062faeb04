import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '../support/nats-server.ts';
import { note, type Row, type Workload } from './bench.ts';
import { Connection } from './client.ts';
import { composed } from './fixtures.ts';
import { type Bus, purgeOfTag, quantile, SPACE, sendSteadily, until, withBus } from './purge-stage.ts';
import { expectBody } from './stage.ts';

export const PATH = '/page?n=10';
const EVERY = 2; // ms
const SECONDS = 2;
const PER_SECOND = 100_000;

export const purgeFlood: Workload = {
  name: 'purge-flood',
  measures: `a hot page while ${PER_SECOND} messages a second arrive for ${SECONDS} s: unreadable ones, and purges of others`,
  run: (stage) =>
    withBus(async (bus) => {
      const port = await freePort();
      const origin = await stage.origin();
      const others = Array.from({ length: SECONDS * PER_SECOND }, (_, i) => purgeOfTag(`other:${i % 50_000}`));
      const nonsense = Array.from({ length: SECONDS * PER_SECOND }, (_, i) => `{"nonsense":${i}`);
      // The server, and who floods it, take time from whoever asks: that much is not of the proxy's making.
      const deaf = await stage.inlay(origin);
      await expectBody(deaf, PATH, composed(10));
      await ask(deaf.url, during(1));
      const control = await flood(bus, deaf.url, others);
      await deaf.stop();
      const purge = { nats: bus.url, space: SPACE };
      const inlay = await stage.inlay(origin, { purge, admin: { port } }, { watchable: true });
      await expectBody(inlay, PATH, composed(10));
      await ask(inlay.url, during(1)); // compiles what runs cold
      const before = await ask(inlay.url, during(1));
      const rows: Row[] = [
        note('before: p50, p99, longest', figures(before)),
        note('one that does not listen, the same', figures(control.asked)),
      ];
      for (const [name, messages] of [['others', others] as const, ['unreadable', nonsense] as const]) {
        await inlay.watch();
        const { asked, sent, read } = await flood(bus, inlay.url, messages, port);
        const { cpu, wall } = await inlay.watch();
        rows.push(
          note(`${name}: p50, p99, longest`, figures(asked)),
          note(`${name}: sent, and read within`, `${sent.toFixed(1)}, ${read.toFixed(1)} s`),
          note(`${name}: longest turn`, `${cpu.toFixed(0)} ms, ${wall.toFixed(0)} by the clock`),
        );
      }
      rows.push(note('after: p50, p99, longest', figures(await ask(inlay.url, during(1)))));
      return rows;
    }),
};

/** Asks for the page while messages are sent; seconds until they are, and until whoever listens has read them. */
async function flood(bus: Bus, url: string, messages: readonly string[], admin?: number) {
  const wanted = (await bus.last()) + messages.length;
  const began = performance.now();
  const seconds = () => (performance.now() - began) / 1_000;
  let sent = Number.POSITIVE_INFINITY;
  const sending = sendSteadily(bus.port, messages, PER_SECOND).then(() => {
    sent = seconds();
  });
  const asked = await ask(url, (due) => due - began < sent * 1_000);
  await sending;
  const reached = () => (admin === undefined ? bus.last() : positionAt(admin));
  await until(async () => (await reached()) >= wanted, 'all messages were read');
  return { asked, sent, read: seconds() };
}

/** A condition that holds for some seconds from now. */
export function during(seconds: number): (due: number) => boolean {
  const deadline = performance.now() + seconds * 1_000;
  return (due) => due < deadline;
}

/**
 * Ms of every answer, asked for one after the other and one every {@link EVERY}. One that had to wait for the answer before
 * it is counted from when it was due, or a pause of a second would be one slow answer among many quick ones.
 */
export async function ask(url: string, goesOn: (due: number) => boolean): Promise<number[]> {
  const connection = await Connection.open(url);
  const expected = composed(10);
  const took: number[] = [];
  for (let due = performance.now(); goesOn(due); due += EVERY) {
    const early = due - performance.now();
    if (early > 0) await sleep(early);
    const asked = early > 0 ? performance.now() : due;
    const { status, body } = await connection.get(PATH);
    if (status !== 200 || body.length !== expected.length) throw new Error(`the page was answered ${status}`);
    took.push(performance.now() - asked);
  }
  connection.close();
  return took;
}

export async function positionAt(port: number): Promise<number> {
  const connection = await Connection.open(`http://127.0.0.1:${port}`);
  const { body } = await connection.get('/_inlay/health');
  connection.close();
  const { purges } = JSON.parse(body.toString()) as { purges: { seq: number } };
  return purges.seq;
}

export function figures(took: readonly number[]): string {
  return `${[0.5, 0.99, 1].map((share) => quantile(took, share).toFixed(2)).join(', ')} ms`;
}
