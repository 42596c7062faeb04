/**
 * Loaded before Inlay where memory or pauses are measured. When the runner says `collect` it collects all garbage and tells
 * what is left; at `watch` it tells the longest turns of the event loop since the last time.
 */
const TICK = 1; // ms

let [cpu, wall] = [0, 0];
let ticker: NodeJS.Timeout | undefined;

process.on('message', (message) => {
  if (message === 'collect') collect();
  if (message === 'watch') watch();
});
process.channel?.unref();

function collect(): void {
  globalThis.gc?.();
  globalThis.gc?.();
  const { heapUsed, heapTotal, external } = process.memoryUsage();
  process.send?.({ live: heapUsed + external, heap: heapTotal });
}

function watch(): void {
  process.send?.({ cpu, wall });
  [cpu, wall] = [0, 0];
  if (ticker !== undefined) return;
  let before = { cpu: used(), wall: performance.now() };
  ticker = setInterval(() => {
    const now = { cpu: used(), wall: performance.now() };
    // On a machine that others use, the clock also goes on while this thread waits for its core.
    cpu = Math.max(cpu, now.cpu - before.cpu);
    wall = Math.max(wall, now.wall - before.wall - TICK);
    before = now;
  }, TICK).unref();
}

/** Ms of processor time of this thread. */
function used(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1_000;
}
