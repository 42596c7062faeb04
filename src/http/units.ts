const DURATION_UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const SIZE_UNITS: Readonly<Record<string, number>> = { b: 1, kb: 1024, mb: 1024 ** 2, gb: 1024 ** 3 };

/** A span of time: ms as a number, or text such as `800ms`, `10s`, `5m`, `1h`, `1d`. */
export type Duration = number | `${number}${'ms' | 's' | 'm' | 'h' | 'd'}`;

/** An amount of memory: bytes as a number, or text such as `64kb`, `256mb`, `1gb` (powers of 1,024). */
export type Size = number | `${number}${'b' | 'kb' | 'mb' | 'gb'}`;

/** Ms of a {@link Duration}; `undefined` if it is none. */
export function parseDuration(value: unknown): number | undefined {
  return parseAmount(value, /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/, DURATION_UNITS);
}

/** Bytes of a {@link Size}; `undefined` if it is none. */
export function parseSize(value: unknown): number | undefined {
  return parseAmount(value, /^(\d+(?:\.\d+)?)(b|kb|mb|gb)$/i, SIZE_UNITS);
}

function parseAmount(value: unknown, syntax: RegExp, units: Readonly<Record<string, number>>): number | undefined {
  if (typeof value === 'number') return Number.isFinite(value) && value >= 0 ? value : undefined;
  const found = typeof value === 'string' ? syntax.exec(value) : null;
  if (found === null) return undefined;
  return Math.round(Number(found[1]) * units[found[2]!.toLowerCase()]!);
}
