import { expect, test } from 'vitest';
import { createPlaces } from '../../../src/gateway/places.ts';

const { signal } = new AbortController();

async function turns(): Promise<void> {
  for (let i = 0; i < 10; i++) await undefined;
}

test('places are given to no more than there are, and to the next in line when one is given back', async () => {
  const take = createPlaces(2);
  const [one] = [await take(signal), await take(signal)];
  const order: string[] = [];
  void take(signal).then(() => order.push('third'));
  void take(signal).then(() => order.push('fourth'));
  await turns();
  expect(order).toEqual([]);
  one();
  await turns();
  expect(order).toEqual(['third']);
});

test('a place that is given back twice is still one place', async () => {
  const take = createPlaces(1);
  const give = await take(signal);
  give();
  give();
  await take(signal);
  let taken = false;
  void take(signal).then(() => {
    taken = true;
  });
  await turns();
  expect(taken).toBe(false);
});

test('who leaves the line gives up the place in it, and no more', async () => {
  const take = createPlaces(1);
  const give = await take(signal);
  const leaving = new AbortController();
  const left = take(leaving.signal);
  let taken = false;
  void take(signal).then(() => {
    taken = true;
  });
  leaving.abort(new Error('left'));
  await expect(left).rejects.toThrow('left');
  await expect(take(leaving.signal)).rejects.toThrow('left');
  expect(taken).toBe(false);
  give();
  await turns();
  expect(taken).toBe(true);
});
