import { atLeast, note, type Workload } from './bench.ts';

interface Scanned {
  readonly what: string;
  /** MB a second: of the compiler, and of what it is held against in the same rounds. */
  readonly ours: number;
  readonly base: number;
}

export const scan: Workload = {
  name: 'scan',
  measures: 'compiling bodies of 20 KB to templates, against the least that plain JavaScript does with the same bytes',
  async run(stage) {
    const found = (await stage.script('scan-process.ts')) as Scanned[];
    return found.flatMap(({ what, ours, base }, index) => [
      note(
        `${what}, and ${index < 2 ? 'a loop over its bytes' : 'JSON.parse'}`,
        `${ours.toFixed(0)}, ${base.toFixed(0)} MB/s`,
      ),
      atLeast(`${what} / ${index < 2 ? 'loop' : 'JSON.parse'}`, ours / base, index < 2 ? 4 : 2),
    ]);
  },
};
