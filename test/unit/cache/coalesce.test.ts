import { describe, expect, test } from 'vitest';
import { createCoalesce } from '../../../src/cache/coalesce.ts';
import type { Entry } from '../../../src/cache/entry.ts';
import { InlayError } from '../../../src/errors.ts';

const entry = {} as Entry;
const error = new InlayError('upstream-reset', 'x');

describe('a flight', () => {
  test('is found by its key until it finishes', async () => {
    const flights = createCoalesce();
    const flight = flights.start('k');
    expect([flights.get('k'), flights.get('other')]).toEqual([flight, undefined]);
    flight.decide(true);
    expect(flights.get('k')).toBe(flight);
    flight.finish({ entry, stored: true, forwarded: 200, shareable: true });
    expect(flights.get('k')).toBeUndefined();
    expect(await flight.outcome).toEqual({ entry, stored: true, forwarded: 200, shareable: true });
  });

  test('that may not be shared is forgotten at once, and says so before its body is there', async () => {
    const flights = createCoalesce();
    const flight = flights.start('k');
    flight.decide(false);
    expect(flights.get('k')).toBeUndefined();
    expect(await flight.outcome).toBeUndefined();
  });

  test('that fails before it was decided lets those who wait see the failure, so that one of them tries again', async () => {
    const flight = createCoalesce().start('k');
    flight.finish({ error });
    // Without it every one of them would fetch for itself, at the moment when the service is in trouble.
    expect(await flight.outcome).toEqual({ error });
  });

  test('is given up when the last who was interested left, and not before', () => {
    const flights = createCoalesce();
    const flight = flights.start('k');
    const [one, two] = [flight.join(), flight.join()];
    one();
    one();
    expect([flight.interest.isOver, flights.get('k')]).toEqual([false, flight]);
    two();
    expect([flight.interest.isOver, flights.get('k')]).toEqual([true, undefined]);
  });

  test('does not make its key forget a later flight', () => {
    const flights = createCoalesce();
    const first = flights.start('k');
    first.decide(false);
    const second = flights.start('k');
    first.finish({ unkept: true });
    expect(flights.get('k')).toBe(second);
  });

  test('that turns out not to be kept tells those who wait to fetch for themselves', async () => {
    const flight = createCoalesce().start('k');
    flight.decide(true);
    flight.finish({ unkept: true });
    expect(await flight.outcome).toBeUndefined();
  });

  test('tells its end to those who wait when its leader has gone on', async () => {
    const turns: (() => void)[] = [];
    const flight = createCoalesce(true, (turn) => void turns.push(turn)).start('k');
    let told = false;
    void flight.outcome.then(() => {
      told = true;
    });
    flight.finish({ error });
    await undefined;
    expect(told).toBe(false);
    for (const turn of turns) turn();
    expect(await flight.outcome).toEqual({ error });
  });
});
