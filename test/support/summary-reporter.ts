import type { Reporter, SerializedError, TestModule } from 'vitest/node';

/** Ends a run with one plain line that people and CI read alike: `N passed, N failed`. */
export default class SummaryReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandled: readonly SerializedError[]): void {
    const counts = { passed: 0, failed: unhandled.length, skipped: 0, pending: 0 };
    for (const module of modules) {
      let tests = 0;
      for (const test of module.children.allTests()) {
        counts[test.result().state]++;
        tests++;
      }
      // A file that could not even be collected has no tests to count, and yet it failed.
      if (tests === 0 && module.state() === 'failed') counts.failed++;
    }
    const skipped = counts.skipped + counts.pending;
    console.log(`${counts.passed} passed, ${counts.failed} failed${skipped === 0 ? '' : `, ${skipped} skipped`}`);
  }
}
