/**
 * Bounds how many things are under way at once; whoever finds no place waits in line.
 * Takes a place, or rejects with the signal's reason if that aborts before there is one; the returned function gives it back.
 */
export function createPlaces(count: number): (signal: AbortSignal) => Promise<() => void> {
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
  return async (signal) => {
    signal.throwIfAborted();
    if (free > 0) free--;
    else await wait(line, signal);
    let given = false;
    return () => {
      if (!given) give();
      given = true;
    };
  };
}

function wait(line: Set<() => void>, signal: AbortSignal): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const turn = () => {
    signal.removeEventListener('abort', leave);
    resolve();
  };
  const leave = () => {
    line.delete(turn);
    reject(signal.reason);
  };
  line.add(turn);
  signal.addEventListener('abort', leave, { once: true });
  return promise;
}
