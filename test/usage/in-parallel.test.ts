/** Places that work of many callers shares. */
import { expect, test } from 'vitest';
import { sharing } from '../../lib/usage/in-parallel.ts';

const turn = () => new Promise(setImmediate);

test('no more work is under way than there are places, whoever asks, and all of it gets done', async () => {
  const inTurn = sharing(3);
  let underWay = 0;
  let most = 0;
  const done: number[] = [];
  const work = (index: number) =>
    inTurn(async () => {
      underWay += 1;
      most = Math.max(most, underWay);
      await turn();
      underWay -= 1;
      done.push(index);
    });
  const callers = Array.from({ length: 4 }, (_, caller) =>
    [0, 1, 2, 3, 4].map((one) => work(5 * caller + one)),
  );
  await Promise.all(callers.flat());
  expect(most).toBe(3);
  expect(done).toEqual(Array.from({ length: 20 }, (_, index) => index));
});

test('work that fails gives its place back, and fails for who asked only', async () => {
  const inTurn = sharing(1);
  const failed = inTurn(() => Promise.reject(new Error('throttled')));
  const next = inTurn(async () => 'done');
  await expect(failed).rejects.toThrow('throttled');
  expect(await next).toBe('done');
});
