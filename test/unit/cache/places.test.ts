import { expect, test } from 'vitest';
import { Interest } from '../../../src/cache/interest.ts';
import { createPlaces } from '../../../src/cache/places.ts';

const interest = new Interest();

async function turns(): Promise<void> {
  for (let i = 0; i < 10; i++) await undefined;
}

test('places are given to no more than there are, and to the next in line when one is given back', async () => {
  const take = createPlaces(2);
  const [one] = [await take(interest), await take(interest)];
  const order: string[] = [];
  void take(interest).then(() => order.push('third'));
  void take(interest).then(() => order.push('fourth'));
  await turns();
  expect(order).toEqual([]);
  one();
  await turns();
  expect(order).toEqual(['third']);
});

test('a place that is given back twice is still one place', async () => {
  const take = createPlaces(1);
  const give = await take(interest);
  give();
  give();
  await take(interest);
  let taken = false;
  void take(interest).then(() => {
    taken = true;
  });
  await turns();
  expect(taken).toBe(false);
});

test('who leaves the line gives up the place in it, and no more', async () => {
  const take = createPlaces(1);
  const give = await take(interest);
  const leaving = new Interest();
  const left = take(leaving);
  let taken = false;
  void take(interest).then(() => {
    taken = true;
  });
  leaving.end();
  await expect(left).rejects.toMatchObject({ code: 'client-closed' });
  await expect(take(leaving)).rejects.toMatchObject({ code: 'client-closed' });
  expect(taken).toBe(false);
  give();
  await turns();
  expect(taken).toBe(true);
});
