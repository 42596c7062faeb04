import { spawn, spawnSync } from 'node:child_process';
import { createServer } from 'node:net';
import { resolve } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, type TestContext, test, vi } from 'vitest';
import { readLines } from '../atlas/services.ts';
import { freePort } from '../support/nats-server.ts';
import { type Atlas, get, type LogLine, putCountry, startAtlas } from '../support/proxy.ts';

/** Ms in which anything here must happen. */
const SOON = { timeout: 10_000, interval: 20 };

const root = resolve(import.meta.dirname, '../..');
const franceNeighbours = ['AND', 'BEL', 'CHE', 'DEU', 'ESP', 'ITA', 'LUX', 'MCO'];

let atlas: Atlas;
beforeAll(async () => {
  atlas = await startAtlas();
});
afterAll(() => atlas.stop());
beforeEach(() => atlas.requestsAt('catalogue'));

const visit = (path: string, headers?: Record<string, string>) => get(atlas.proxy.url + path, headers);

/** The record of the last request for a path. */
const recordOf = (path: string) =>
  vi.waitFor(() => {
    const record = atlas.proxy.log.findLast((line) => line.path === path);
    expect(record).toBeDefined();
    return record as LogLine & { readonly parts: Record<string, number>; readonly errors: readonly string[] };
  }, SOON);

async function purge(body: object): Promise<void> {
  const answer = await fetch(`${atlas.proxy.adminUrl}/_inlay/purge`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  expect(answer.status, await answer.text()).toBe(200);
}

describe('pages of Atlas', () => {
  test.each([
    ['/', ['<title>Atlas: the countries of the world</title>', '>France</a>', 'Flag of Japan', 'name="name"']],
    ['/country/FRA', ['<title>France · Atlas</title>', '<h1>France</h1>', '<dd>French Republic</dd>', '>Monaco</a>']],
    ['/country/ISL', ['<h1>Iceland</h1>', 'No land border with anybody.']],
    ['/region/Oceania', ['<h1>Oceania</h1>', '>New Zealand</a>', '>Palau</a>']],
    ['/search?q=fr', ['for “fr”', '>France</a>', '>Sierra Leone</a>']],
    ['/search?q=', ['Type the beginning of a country']],
  ])('%s is assembled, and nothing of a directive is left', async (path, expected) => {
    const page = await visit(path);
    expect(page.status).toBe(200);
    for (const text of expected) expect(page.body).toContain(text);
    expect(page.body).not.toMatch(/<\/?esi:|<!--esi/);
    expect(page.body).toContain('Composed by Inlay from five services');
    expect(page.body).not.toContain('directives unanswered');
    expect(page.body.trimEnd().endsWith('</html>')).toBe(true);
    expect(page.headers.has('surrogate-control')).toBe(false);
    expect(page.headers.has('surrogate-key')).toBe(false);
  });

  test('the same country in a title, a heading and an attribute is fetched once', async () => {
    const { body } = await visit('/country/KEN');
    expect(body.match(/Kenya/g)?.length).toBeGreaterThanOrEqual(3);
    const requests = await atlas.requestsAt('catalogue');
    expect(requests.filter((request) => request.endsWith('/country-name/KEN'))).toHaveLength(1);
  });

  test.each(['/', '/country/CAN', '/region/Asia', '/search?q=a', '/api/search?q=be', '/api/neighbours/CAN'])(
    'the second request of %s asks the catalogue nothing',
    async (path) => {
      const first = await visit(path);
      await atlas.requestsAt('catalogue');
      const second = await visit(path);
      expect(second.body).toBe(first.body);
      expect(await atlas.requestsAt('catalogue')).toEqual([]);
    },
  );

  test('an unknown country is a composed page with status 404', async () => {
    const page = await visit('/country/XXX');
    expect(page.status).toBe(404);
    expect(page.body).toContain('<h1>Not found</h1>');
    expect(page.body).toContain('Composed by Inlay');
    expect(page.body).not.toContain('<esi:');
  });

  test('a search for markup is answered with text', async () => {
    const page = await visit(`/search?q=${encodeURIComponent('<esi:include src="/fragments/country-card/FRA"/>')}`);
    expect(page.status).toBe(200);
    expect(page.body).not.toContain('>France</a>');
    expect(page.body).not.toContain('<esi:');
    expect(page.body).toContain('&lt;esi:include');
  });
});

describe('JSON of Atlas', () => {
  test('a search that answers ids is hydrated by type, in the order of its hits', async () => {
    const answer = await visit('/api/search?q=fr&limit=3');
    expect(answer.status).toBe(200);
    expect(answer.headers.get('content-type')).toBe('application/json');
    const { query, total, hits } = JSON.parse(answer.body) as { query: string; total: number; hits: LogLine[] };
    expect(query).toBe('fr');
    expect(total).toBeGreaterThan(3);
    const ids = JSON.parse((await get(`${atlas.services.urls.search}/api/search?q=fr&limit=3`)).body) as {
      hits: { 'esi:include': { id: string } }[];
    };
    expect(hits.map(({ code }) => code)).toEqual(ids.hits.map((hit) => hit['esi:include'].id));
    expect(hits[0]).toMatchObject({ code: 'FRA', name: 'France', capital: 'Paris', area: 551695 });
    expect(answer.body).not.toContain('esi:include');
  });

  test('neighbours are hydrated by src', async () => {
    const answer = await visit('/api/neighbours/FRA');
    const { code, neighbours } = JSON.parse(answer.body) as { code: string; neighbours: LogLine[] };
    expect(code).toBe('FRA');
    expect(neighbours.map((country) => country.code).sort()).toEqual(franceNeighbours);
    expect(neighbours.every((country) => typeof country.official === 'string')).toBe(true);
  });
});

describe('a change at the catalogue', () => {
  test('is on the next page, and only the fragments of that country are fetched again', async () => {
    await visit('/country/FRA');
    await visit('/');
    await atlas.requestsAt('catalogue');
    await putCountry(atlas, 'FRA', { capital: 'Lyon' });
    const page = await visit('/country/FRA');
    expect(page.body).toContain('<dd>Lyon</dd>');
    expect(page.body).not.toContain('<dd>Paris</dd>');
    expect(await atlas.requestsAt('catalogue')).toEqual([
      'GET /fragments/country-facts/FRA',
      'GET /fragments/country-name/FRA',
      'PUT /countries/FRA',
    ]);
    expect((await visit('/')).body).toContain('<p>Lyon</p>');
    expect(await atlas.requestsAt('catalogue')).toEqual(['GET /fragments/country-card/FRA']);
  });

  test('is in the next JSON answer', async () => {
    const path = '/api/search?q=brazil';
    await visit(path);
    await atlas.requestsAt('catalogue');
    await putCountry(atlas, 'BRA', { population: 203_080_756 });
    expect(JSON.parse((await visit(path)).body)).toMatchObject({ hits: [{ code: 'BRA', population: 203_080_756 }] });
    expect(await atlas.requestsAt('catalogue')).toEqual(['GET /entities/country/BRA', 'PUT /countries/BRA']);
  });

  test('is never undone by fetches that were under way', async () => {
    for (let round = 1; round <= 10; round++) {
      const capital = `Town ${round}`;
      const before = [visit('/country/PRT'), visit('/country/PRT'), visit('/region/Europe')];
      await putCountry(atlas, 'PRT', { capital });
      const pages = await Promise.all([visit('/country/PRT'), visit('/country/PRT')]);
      await Promise.all(before);
      for (const { body } of [...pages, await visit('/country/PRT')]) expect(body).toContain(`<dd>${capital}</dd>`);
      expect((await visit('/region/Europe')).body).toContain(`<p>${capital}</p>`);
    }
  });

  test('changes the ETag of the pages that show the country, and of no other', async () => {
    const europe = await tagged('/region/Europe');
    const africa = await tagged('/region/Africa');
    await putCountry(atlas, 'ITA', { capital: 'Turin' });
    const changed = await visit('/region/Europe', { 'if-none-match': europe });
    expect(changed.status).toBe(200);
    expect(changed.body).toContain('Turin');
    expect(await tagged('/region/Europe')).not.toBe(europe);
    expect((await visit('/region/Africa', { 'if-none-match': africa })).status).toBe(304);
  });

  test('that changes nothing leaves the ETag as it was', async () => {
    const before = await tagged('/region/Americas');
    await putCountry(atlas, 'CHL', { capital: 'Santiago' });
    await visit('/region/Americas');
    expect(await tagged('/region/Americas')).toBe(before);
  });
});

/** The ETag of a page whose parts are all known. */
async function tagged(path: string): Promise<string> {
  await visit(path);
  const etag = (await visit(path)).headers.get('etag');
  expect(etag).toMatch(/^"[^"]+"$/);
  return etag ?? '';
}

describe('validators', () => {
  test('a client that has the region page gets 304 without a body, and no service is asked', async () => {
    const etag = await tagged('/region/Antarctic');
    await atlas.requestsAt('catalogue');
    await atlas.requestsAt('web');
    const unchanged = await visit('/region/Antarctic', { 'if-none-match': etag });
    expect(unchanged.status).toBe(304);
    expect(unchanged.body).toBe('');
    expect(unchanged.headers.get('etag')).toBe(etag);
    expect(unchanged.headers.get('cache-control')).toMatch(/^public, max-age=\d+$/);
    expect(await atlas.requestsAt('catalogue')).toEqual([]);
    expect(await atlas.requestsAt('web')).toEqual([]);
  });
});

describe('two visitors', () => {
  test('never see each other, however their requests interleave', async () => {
    const names = ['Ada', 'Grace', undefined];
    const visits = Array.from({ length: 60 }, async (_, i) => {
      const name = names[i % names.length];
      const path = i % 2 === 0 ? '/' : '/country/NZL';
      return { name, page: await visit(path, name === undefined ? {} : { cookie: `visitor=${name}` }) };
    });
    for (const { name, page } of await Promise.all(visits)) {
      const greeted = [...page.body.matchAll(/Welcome back, ([^<]*)</g)].map((match) => match[1]);
      expect(greeted).toEqual(name === undefined ? [] : [name]);
      expect(page.body.includes('Your name')).toBe(name === undefined);
      expect(page.headers.get('cache-control')).toMatch(/^private\b/);
      expect(page.headers.get('etag')).toBeNull();
    }
  });

  test('a page without a greeting is shared, whoever asks, and its services see no cookie of anybody', async () => {
    await visit('/region/Oceania');
    const page = await visit('/region/Oceania', { cookie: 'visitor=Ada' });
    expect(page.headers.get('cache-control')).toMatch(/^public, max-age=\d+$/);
    expect(page.headers.get('vary') ?? '').not.toMatch(/cookie/i);
    expect(page.headers.get('set-cookie')).toBeNull();
  });

  test('signing in by the form sets the cookie and leads home', async () => {
    const answer = await fetch(`${atlas.proxy.url}/visitor`, {
      method: 'POST',
      body: new URLSearchParams({ name: 'Zoë <b>' }),
      redirect: 'manual',
    });
    expect(answer.status).toBe(303);
    expect(answer.headers.get('location')).toBe('/');
    const cookie = answer.headers.get('set-cookie')?.split(';')[0] ?? '';
    expect((await visit('/', { cookie })).body).toContain('Welcome back, Zoë &lt;b&gt;');
  });
});

describe('without its catalogue', () => {
  test('pages live on what is kept and on fallbacks, say so, and recover', async () => {
    const [kept, softly, missing] = ['/country/VNM', '/api/search?q=egypt', '/country/MNG'];
    await visit(kept);
    await visit(softly);
    await atlas.services.stop('catalogue');
    try {
      const page = await visit(kept);
      expect(page.status).toBe(200);
      expect(page.body).toContain('<dd>Hanoi</dd>');

      await purge({ tags: ['country:EGY'], mode: 'soft' });
      const stale = await visit(softly);
      expect(JSON.parse(stale.body)).toMatchObject({ hits: [{ code: 'EGY', capital: 'Cairo' }] });
      expect(stale.headers.get('cache-status')).toMatch(/detail="[^"]*stale=1/);

      await purge({ tags: ['country:EGY'] });
      const reference = await visit(softly);
      expect(reference.status).toBe(200);
      expect(JSON.parse(reference.body)).toMatchObject({ hits: [{ type: 'country', id: 'EGY' }] });
      expect(reference.headers.get('inlay-errors')).toBe('1');
      expect(reference.headers.get('cache-status')).toMatch(/detail="[^"]*failed=1/);
      expect(reference.headers.get('cache-control')).toMatch(/max-age=[01]\b/);
      expect(reference.headers.get('etag')).toBeNull();

      const holes = await visit(missing);
      expect(holes.status).toBe(200);
      expect(holes.body).toContain('<h1>A country</h1>');
      expect(holes.body).toContain('The facts are not available right now.');
      expect(holes.body).not.toMatch(/<esi:|ECONNREFUSED|127\.0\.0\.1/);
      const record = await recordOf(missing);
      expect(record).toMatchObject({ level: 'warn', status: 200 });
      expect(record.parts.failed).toBeGreaterThanOrEqual(2);
      expect(record.errors.join('\n')).toContain('/fragments/country-facts/MNG: upstream-unreachable');
    } finally {
      await atlas.services.start('catalogue');
    }
    await vi.waitFor(async () => {
      expect((await visit(missing)).body).toContain('<h1>Mongolia</h1>');
      expect(JSON.parse((await visit(softly)).body)).toMatchObject({ hits: [{ capital: 'Cairo' }] });
    }, SOON);
    expect((await visit(softly)).headers.get('inlay-errors')).toBeNull();
  });

  test('a page that left before its parts failed is kept by nobody, and its record says what failed', async () => {
    await visit('/region/Antarctic');
    await atlas.services.stop('catalogue');
    try {
      await purge({ tags: ['country:ATA'] });
      const page = await visit('/region/Antarctic');
      expect(page.body).toContain('This country is not available right now.');
      expect(page.headers.get('cache-control')).toBe('private, max-age=0');
      expect(page.headers.get('etag')).toBeNull();
      await vi.waitFor(async () => {
        expect(await recordOf('/region/Antarctic')).toMatchObject({ level: 'warn', parts: { failed: 1 } });
      }, SOON);
    } finally {
      await atlas.services.start('catalogue');
    }
  });

  test.each(['visitor', 'recommender', 'search'] as const)('without %s the rest of a page stands', async (service) => {
    await purge({ all: true });
    await atlas.services.stop(service);
    try {
      const page = await visit(service === 'search' ? '/search?q=chad' : '/country/TCD');
      expect(page.status).toBe(200);
      expect(page.body).toContain('Composed by Inlay');
      expect(page.body.includes('Your name')).toBe(service === 'recommender');
      expect(page.body.includes('neighbours are not available')).toBe(service === 'recommender');
      expect(page.body.includes('Search is not available')).toBe(service === 'search');
    } finally {
      await atlas.services.start(service);
    }
  });

  test('without the page service the answer is a 502 with a request id and nothing else', async () => {
    await atlas.services.stop('web');
    try {
      const answer = await visit('/region/Nowhere', { 'x-request-id': 'request-of-this-test' });
      expect(answer.status).toBe(502);
      expect(answer.body).toBe('502 upstream-unreachable\nrequest request-of-this-test\n');
    } finally {
      await atlas.services.start('web');
    }
  });
});

describe('npm start', () => {
  test('starts everything, prints what to try, and leaves no process behind when it is told to stop', async (context) => {
    await needPorts(context);
    const started = runStart();
    await started.ready();
    const processes = descendantsOf(started.pid);
    expect(processes).toHaveLength(6);
    const page = await get('http://localhost:8080/country/FRA');
    expect(page.body).toContain('<title>France · Atlas</title>');
    const text = started.output.join('\n');
    expect(text).toContain('open http://localhost:8080/');
    expect(text).toMatch(/curl -X PUT http:\/\/127\.0\.0\.1:9001\/countries\/FRA/);
    expect(processes.some((pid) => text.includes(`kill ${pid}\n`))).toBe(true);
    expect(text, 'nothing fails while it starts').not.toContain('"level":"error"');
    process.kill(started.pid, 'SIGTERM');
    expect(await started.exit).toBe(0);
    expect(processes.filter(isAlive)).toEqual([]);
    expect(started.output.join('\n'), 'it finishes what is under way').toMatch(/inlay +\| stops/);
  });

  test.for(['SIGTERM to npm', 'SIGKILL to start.ts'])('leaves no process behind after %s', async (how, context) => {
    await needPorts(context);
    const byNpm = how === 'SIGTERM to npm';
    const started = byNpm ? runStart({}, ['npm', 'start']) : runStart();
    await started.ready();
    const processes = descendantsOf(started.pid);
    expect(processes.length).toBeGreaterThanOrEqual(6);
    process.kill(started.pid, byNpm ? 'SIGTERM' : 'SIGKILL');
    await started.exit;
    try {
      await vi.waitFor(() => expect(processes.filter(isAlive)).toEqual([]), SOON);
    } finally {
      for (const pid of processes.filter(isAlive)) process.kill(pid, 'SIGKILL');
    }
  });

  test('says which port is in use, and how to go on', async () => {
    const port = await freePort();
    const holder = createServer().listen(port, '127.0.0.1');
    try {
      const started = runStart({ PORT: String(port) });
      expect(await started.exit).toBe(1);
      expect(started.output.join('\n')).toContain(`port ${port} is in use`);
      expect(started.output.join('\n')).toContain('PORT=8081 npm start');
    } finally {
      holder.close();
    }
  });
});

interface Started {
  readonly pid: number;
  readonly output: readonly string[];
  readonly exit: Promise<number | null>;
  ready(): Promise<void>;
}

function runStart(env: Record<string, string> = {}, command = [process.execPath, 'test/atlas/start.ts']): Started {
  const { NATS_URL: _1, INLAY_ADMIN_TOKEN: _2, PORT: _3, npm_lifecycle_event: _4, ...inherited } = process.env;
  const [program = '', ...args] = command;
  const child = spawn(program, args, { cwd: root, env: { ...inherited, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
  const output: string[] = [];
  readLines(child, (line) => void output.push(line));
  const limit = setTimeout(() => child.kill('SIGKILL'), 25_000);
  return {
    pid: child.pid ?? -1,
    output,
    exit: new Promise<number | null>((done) => child.once('close', done)).finally(() => clearTimeout(limit)),
    ready: () => vi.waitFor(() => expect(output.join('\n')).toContain('Atlas is ready'), SOON),
  };
}

/** The processes that one started, and those that they started. */
function descendantsOf(pid: number): number[] {
  const lines = spawnSync('ps', ['-eo', 'pid=,ppid=,comm='], { encoding: 'utf8' }).stdout.trim().split('\n');
  const processes = lines.map((line) => line.trim().split(/\s+/));
  const below = (parent: number): number[] =>
    processes.flatMap(([id, ppid, name]) =>
      Number(ppid) === parent && name !== 'ps' ? [Number(id), ...below(Number(id))] : [],
    );
  return below(pid);
}

/** Atlas stands on fixed ports. If somebody has them: in CI an error, elsewhere a loud skip. */
async function needPorts(context: TestContext): Promise<void> {
  const taken = await takenPorts([8080, 9000, 9001, 9002, 9003, 9004, 9901]);
  if (taken.length === 0) return;
  const reason = `ports ${taken.join(', ')} are in use`;
  if (process.env.CI) throw new Error(reason);
  console.warn(`SKIPPED npm start: ${reason}`);
  context.skip(reason);
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false; // ESRCH: there is no such process
  }
}

async function takenPorts(ports: readonly number[]): Promise<number[]> {
  const taken: number[] = [];
  for (const port of ports) {
    const server = createServer();
    const free = await new Promise<boolean>((done) => {
      server.once('error', () => done(false)).listen(port, () => done(true));
    });
    if (free) await new Promise((done) => server.close(done));
    else taken.push(port);
  }
  return taken;
}
