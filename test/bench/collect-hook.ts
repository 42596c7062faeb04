/** Loaded before Inlay where memory is measured: collects all garbage when the runner asks for it, and says what is left. */
process.on('message', (message) => {
  if (message !== 'collect') return;
  globalThis.gc?.();
  globalThis.gc?.();
  const { heapUsed, heapTotal, external } = process.memoryUsage();
  process.send?.({ live: heapUsed + external, heap: heapTotal });
});
process.channel?.unref();
