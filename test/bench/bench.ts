import type { Stage } from './stage.ts';

/** One line of the table that a run prints. */
export interface Row {
  /** What was measured: `Inlay / bare node:http, req/s`. */
  readonly what: string;
  /** The figure with its unit. */
  readonly measured: string;
  /** The figure to reach; absent where a row only tells what another one is made of. */
  readonly toReach?: string;
  readonly ok?: boolean;
}

/** One workload: a file each. */
export interface Workload {
  /** What selects it on the command line: `W1`. */
  readonly name: string;
  /** One sentence. */
  readonly measures: string;
  /** Measures; the stage ends all processes that it started, whatever happens. */
  run(stage: Stage): Promise<Row[]>;
}

/** A row without a figure to reach. */
export function note(what: string, measured: string): Row {
  return { what, measured };
}

/** A row whose figure must be at least this. */
export function atLeast(what: string, value: number, least: number, unit = '', digits = 2): Row {
  return { what, measured: value.toFixed(digits) + unit, toReach: `>= ${least}${unit}`, ok: value >= least };
}

/** A row whose figure must be at most this. */
export function atMost(what: string, value: number, most: number, unit = '', digits = 1): Row {
  return { what, measured: value.toFixed(digits) + unit, toReach: `<= ${most}${unit}`, ok: value <= most };
}

/** The middle of some figures. Throws if there are none: a median of nothing would pass every bound. */
export function median(values: readonly number[]): number {
  if (values.length === 0) throw new Error('nothing was measured');
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** The median of the ratios of two series measured in the same rounds: what slows one round down slows both. */
export function ratio(series: readonly number[], base: readonly number[]): number {
  return median(series.map((value, round) => value / base[round]!));
}
