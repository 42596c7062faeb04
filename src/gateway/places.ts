/** Bounds how many things are under way at once; whoever finds no place waits in line. */
export function createPlaces(count: number): () => Promise<() => void> {
  let free = count;
  const line: (() => void)[] = [];
  const give = () => {
    const next = line.shift();
    if (next === undefined) free++;
    else next();
  };
  return async () => {
    if (free > 0) free--;
    else await new Promise<void>((resolve) => line.push(resolve));
    let given = false;
    return () => {
      if (!given) give();
      given = true;
    };
  };
}
