/** Lines of one type that are written in a second at most; of purges more, since each may have to be accounted for. */
const MOST = 10;
const MOST_PURGES = 100;
const INTERVAL = 1_000;

/**
 * Makes what decides whether a line of a type is still to be written: what happens a thousand times a second, because a
 * service is down or everything is purged one by one, must not bury the rest of the log.
 *
 * @param report is told at the end of a second how many lines of a type were left out, if any were
 */
export function limitLines(report: (type: string, count: number) => void): (type: string) => boolean {
  const seconds = new Map<string, { written: number; leftOut: number }>();
  return (type) => {
    let second = seconds.get(type);
    if (second === undefined) {
      const begun = { written: 0, leftOut: 0 };
      second = begun;
      seconds.set(type, begun);
      setTimeout(() => {
        seconds.delete(type);
        if (begun.leftOut > 0) report(type, begun.leftOut);
      }, INTERVAL).unref();
    }
    if (second.written >= (type === 'purge' ? MOST_PURGES : MOST)) {
      second.leftOut++;
      return false;
    }
    second.written++;
    return true;
  };
}
