/** The load generator where there is no wrk: `load-process.ts URL CONNECTIONS SECONDS` prints what was done as JSON. */
import { Connection } from './client.ts';

const [url = '', connections = '32', seconds = '1'] = process.argv.slice(2);
const { pathname, search } = new URL(url);
const started = performance.now();
const deadline = started + Number(seconds) * 1_000;
let requests = 0;

async function keepAsking(): Promise<void> {
  const connection = await Connection.open(url);
  while (performance.now() < deadline) {
    const { status } = await connection.get(pathname + search);
    if (status !== 200) throw new Error(`${url} answered ${status}`);
    requests++;
  }
  connection.close();
}

await Promise.all(Array.from({ length: Number(connections) }, keepAsking));
console.log(JSON.stringify({ requests, elapsed: (performance.now() - started) / 1_000 }));
