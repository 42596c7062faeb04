import { InlayError } from '../errors.ts';
import type { Interest } from './interest.ts';

/**
 * Bounds how many things are under way at once; whoever finds no place waits in line.
 * Takes a place, or rejects (`client-closed`) if the interest ends before there is one; the returned function gives it back.
 */
export function createPlaces(count: number): (interest: Interest) => Promise<() => void> {
  let free = count;
  const line = new Set<() => void>();
  const give = () => {
    const [next] = line;
    if (next === undefined) {
      free++;
      return;
    }
    line.delete(next);
    next();
  };
  return async (interest) => {
    if (interest.isOver) throw left();
    if (free > 0) free--;
    else await wait(line, interest);
    let given = false;
    return () => {
      if (!given) give();
      given = true;
    };
  };
}

function wait(line: Set<() => void>, interest: Interest): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const turn = () => {
    forget();
    resolve();
  };
  const forget = interest.onEnd(() => {
    line.delete(turn);
    reject(left());
  });
  line.add(turn);
  return promise;
}

function left(): InlayError {
  return new InlayError('client-closed', 'nobody waits for the answer any more');
}
