import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

interface Node {
  readonly id: number;
  readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number };
  readonly children?: readonly number[];
}

interface Profile {
  readonly nodes: readonly Node[];
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}

/** Microseconds in a function itself, and in it and all that it called. */
interface Spent {
  self: number;
  total: number;
}

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const TOP = 40;

/** The functions that a process spent its time in while it was busy: those with the largest share of their own, then those with the largest in all. */
export function topTimes(folder: string): string[] {
  const times = new Map<string, Spent>();
  for (const file of readdirSync(folder).filter((name) => name.endsWith('.cpuprofile')))
    add(JSON.parse(readFileSync(join(folder, file), 'utf8')) as Profile, times);
  times.delete('(idle)');
  times.delete('(root)');
  const whole = [...times.values()].reduce((sum, { self }) => sum + self, 0);
  const share = (time: number) => `${((100 * time) / whole).toFixed(1).padStart(5)} %`;
  const largest = (by: keyof Spent) =>
    [...times]
      .sort(([, a], [, b]) => b[by] - a[by])
      .slice(0, TOP)
      .map(([name, { self, total }]) => `${share(self)} ${share(total)}  ${name}`);
  return ['   self     all', ...largest('self'), '', '   self     all', ...largest('total')];
}

function add({ nodes, samples, timeDeltas }: Profile, times: Map<string, Spent>): void {
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const self = new Map<number, number>();
  samples.forEach((id, index) => {
    self.set(id, (self.get(id) ?? 0) + timeDeltas[index]!);
  });
  const visit = (node: Node, around: ReadonlySet<string>): number => {
    const name = nameOf(node);
    const inside = new Set(around).add(name);
    const own = self.get(node.id) ?? 0;
    const total = (node.children ?? []).reduce((sum, child) => sum + visit(byId.get(child)!, inside), own);
    const spent = times.get(name) ?? { self: 0, total: 0 };
    times.set(name, spent);
    spent.self += own;
    if (!around.has(name)) spent.total += total; // a recursive call is in its caller's time already
    return total;
  };
  visit(nodes[0]!, new Set());
}

function nameOf({ callFrame: { functionName, url, lineNumber } }: Node): string {
  const name = functionName === '' ? '(anonymous)' : functionName;
  if (url === '') return name;
  const file = url.startsWith('file:') ? relative(ROOT, fileURLToPath(url)) : url;
  return `${name}  ${file}:${lineNumber + 1}`;
}
