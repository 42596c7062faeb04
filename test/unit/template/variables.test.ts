import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { parseText, readsOf, type VariableRead } from '../../../src/template/expression.ts';
import { MAX_VARIABLES } from '../../../src/template/scope.ts';
import { MAX_ITEMS, type Value } from '../../../src/template/value.ts';
import { createRequestVariables, type RequestFacts } from '../../../src/template/variables.ts';
import { stage } from './evaluation.ts';

const FIELDS = {
  host: 'shop.example',
  referer: 'http://a/b',
  'accept-language': 'de-AT, en;q=0.8 ,FR',
  cookie: 'a=1; b=x=y&z; a=2; B=3; empty=; __proto__=p; nothing',
  'user-agent': 'Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0',
  'x-tier': 'gold',
  authorization: 'Bearer secret',
  'proxy-authorization': 'Basic secret',
  proxy_authorization: 'Basic secret',
};

const REQUEST: RequestFacts = {
  method: 'POST',
  path: '/a%20b/c',
  query: '?q=a%20b+c&Q=upper&q=second&flag&=nameless&bad=%ZZ&raw=%3Cb%3E&__proto__=p&%6b=decoded',
  fields: Object.entries(FIELDS).flat(),
  remoteAddress: '192.0.2.1',
  geo: { country_code: 'AT', city: 'Wien', secret: 'x' },
};

test.each<[variable: string, value: Value, rule: string]>([
  ['$(HTTP_ACCEPT_LANGUAGE)', 'de-AT, en;q=0.8 ,FR', 'the header'],
  ['$(HTTP_ACCEPT_LANGUAGE{en})', true, 'without q parameter'],
  ['$(HTTP_ACCEPT_LANGUAGE{EN})', true, 'case-insensitively'],
  ['$(HTTP_ACCEPT_LANGUAGE{fr})', true, 'case-insensitively'],
  ["$(HTTP_ACCEPT_LANGUAGE{'de-at'})", true, 'whole items'],
  ['$(HTTP_ACCEPT_LANGUAGE{de})', false, 'whole items only'],
  ['$(HTTP_ACCEPT_LANGUAGE{at})', false, 'whole items only'],
  ["$(HTTP_ACCEPT_LANGUAGE{''})", false, 'whole items only'],
  ['$(HTTP_ACCEPT_LANGUAGE{it}|x)', false, 'false is a value, not a missing one'],
  ['$(HTTP_COOKIE)', FIELDS.cookie, 'the header'],
  ['$(HTTP_COOKIE{b})', 'x=y&z', 'may hold = and &'],
  ['$(HTTP_COOKIE{a})', '1', 'the first of duplicates'],
  ['$(HTTP_COOKIE{B})', '3', 'case-sensitive'],
  ['$(HTTP_COOKIE{A})', undefined, 'case-sensitive'],
  ['$(HTTP_COOKIE{empty}|d)', 'd', 'default of an empty value'],
  ['$(HTTP_COOKIE{nothing}|d)', 'd', 'a pair without = is none'],
  ['$(HTTP_COOKIE{__proto__})', 'p', 'no prototype'],
  ['$(HTTP_COOKIE{constructor})', undefined, 'no prototype'],
  ['$(HTTP_HOST)', 'shop.example', "the client's Host"],
  ['$(HTTP_HOST{x})', undefined, 'no keys'],
  ['$(HTTP_REFERER)', 'http://a/b', 'the header'],
  ['$(HTTP_USER_AGENT)', FIELDS['user-agent'], 'the header'],
  ['$(HTTP_USER_AGENT{browser})', 'MOZILLA', 'browser'],
  ['$(HTTP_USER_AGENT{version})', '5.0', 'version'],
  ['$(HTTP_USER_AGENT{os})', 'UNIX', 'os'],
  ['$(HTTP_USER_AGENT{x})', undefined, 'no other keys'],
  ['$(QUERY_STRING)', REQUEST.query.slice(1), 'raw query without ?'],
  ['$(QUERY_STRING{q})', 'a b c', 'decoded, the first of duplicates'],
  ['$(QUERY_STRING{Q})', 'upper', 'case-sensitive'],
  ['$(QUERY_STRING{flag}|d)', 'd', 'without value it is empty'],
  ['$(QUERY_STRING{bad})', '%ZZ', 'malformed encoding stays'],
  ['$(QUERY_STRING{raw})', '<b>', 'decoded; escaping is for those who print it'],
  ['$(QUERY_STRING{k})', 'decoded', 'names are decoded too'],
  ['$(QUERY_STRING{__proto__})', 'p', 'no prototype'],
  ['$(QUERY_STRING{toString})', undefined, 'no prototype'],
  ['$(QUERY_STRING{none}|d)', 'd', 'missing key'],
  ['$(HTTP_X_TIER)', 'gold', 'any header, - as _'],
  ['$(HTTP_X_NONE|d)', 'd', 'absent header'],
  ["$(HTTP_HEADER{'X-Tier'})", 'gold', 'header by name'],
  ['$(HTTP_HEADER{x-tier})', 'gold', 'in any case'],
  ['$(HTTP_HEADER)', undefined, 'keys only'],
  ['$(HTTP_HEADER{Cookie})', undefined, 'Cookie hidden'],
  ['$(HTTP_HEADER{Authorization})', undefined, 'Authorization hidden'],
  ['$(HTTP_HEADER{AUTHORIZATION})', undefined, 'in any spelling'],
  ["$(HTTP_HEADER{' authorization '})", undefined, 'in any spelling'],
  ["$(HTTP_HEADER{$lower('AUTHORIZATION')})", undefined, 'however the name is made'],
  ['$(HTTP_HEADER{Proxy-Authorization})', undefined, 'hidden too'],
  ['$(HTTP_HEADER{proxy_authorization})', undefined, 'in any spelling'],
  ['$(HTTP_AUTHORIZATION)', undefined, 'never readable'],
  ['$(HTTP_Authorization)', undefined, 'in any spelling'],
  ['$(HTTP_PROXY_AUTHORIZATION)', undefined, 'hidden too'],
  ['$(REQUEST_METHOD)', 'POST', 'request line'],
  ['$(REQUEST_PATH)', '/a%20b/c', 'request line, as received'],
  ['$(REMOTE_ADDR)', '192.0.2.1', 'client address'],
  ["$(GEO{'country_code'})", 'AT', 'geo'],
  ['$(GEO{city})', 'Wien', 'geo'],
  ['$(GEO{timezone}|UTC)', 'UTC', 'else empty'],
  ['$(GEO{secret})', undefined, 'the keys of the table only'],
  ['$(GEO{toString})', undefined, 'no prototype'],
  ['$(ARGS{0})', undefined, 'arguments exist in functions only'],
  ['$(MATCHES{0})', undefined, 'groups exist after matches only'],
  ['$(http_host)', undefined, 'names are case-sensitive'],
  ['$(toString)', undefined, 'no prototype'],
  ['$(__proto__)', undefined, 'no prototype'],
])('section 4: %s is %j (%s)', (variable, value) => {
  expect(stage(REQUEST).value(variable)).toEqual(value);
});

test.each<[variable: string, value: Value, rule: string]>([
  ['$(HTTP_ACCEPT_LANGUAGE{en})', false, 'absent header: false'],
  ['$(HTTP_ACCEPT_LANGUAGE|d)', 'd', 'absent header'],
  ['$(HTTP_COOKIE|d)', 'd', 'absent header'],
  ['$(HTTP_USER_AGENT{browser}|d)', 'd', 'absent header'],
  ['$(QUERY_STRING|d)', 'd', 'no query'],
  ['$(REMOTE_ADDR|d)', 'd', 'off by default'],
  ['$(GEO{city}|d)', 'd', 'else empty'],
])('section 4: %s of a bare request is %j (%s)', (variable, value) => {
  expect(stage().value(variable)).toEqual(value);
});

test.each<[agent: string, browser: string, version: string | undefined, os: string]>([
  ['Mozilla/4.0 (compatible; MSIE 6.0; Windows NT 5.1)', 'MSIE', '6.0', 'WIN'],
  ['Mozilla/5.0 (Windows NT 10.0; Trident/7.0; rv:11.0) like Gecko', 'MSIE', '11.0', 'WIN'],
  ['Mozilla/5.0 (Macintosh; Intel Mac OS X 10_7_3) Safari/533.19.4', 'MOZILLA', '5.0', 'MAC'],
  ['Mozilla/5.0 (X11; FreeBSD amd64)', 'MOZILLA', '5.0', 'UNIX'],
  ['curl/8.5.0', 'OTHER', '8.5.0', 'OTHER'],
  ['robot', 'OTHER', undefined, 'OTHER'],
  ['', 'OTHER', undefined, 'OTHER'],
])('section 4, W3C 4.1.1: the agent %j is %s %s on %s', (agent, browser, version, os) => {
  const { value } = stage({ fields: ['user-agent', agent] });
  expect(['browser', 'version', 'os'].map((key) => value(`$(HTTP_USER_AGENT{${key}})`))).toEqual([
    browser,
    version,
    os,
  ]);
});

describe('the request', () => {
  it('joins repeated lines, those of Cookie by semicolons', () => {
    const { value } = stage({ fields: ['x-a', '1', 'x-a', '2', 'cookie', 'a=1', 'cookie', 'b=2'] });
    expect(value('$(HTTP_X_A)')).toBe('1, 2');
    expect([value('$(HTTP_COOKIE)'), value('$(HTTP_COOKIE{b})')]).toEqual(['a=1; b=2', '2']);
  });

  it('takes Host from outside the fields, too', () => {
    expect(stage({ host: 'h' }).value('$(HTTP_HOST)')).toBe('h');
  });

  it('does not take a field with _ for the one with -', () => {
    expect(stage({ fields: ['x_tier', 'forged'] }).value('$(HTTP_X_TIER)')).toBeUndefined();
  });

  it('shows only the listed cookies, in the whole header too', () => {
    const { value } = stage({ fields: ['cookie', 'session=s; lang=de; lang=en; theme=dark'], cookies: ['lang'] });
    expect(['$(HTTP_COOKIE{lang})', '$(HTTP_COOKIE{session})', '$(HTTP_COOKIE)'].map(value)).toEqual([
      'de',
      undefined,
      'lang=de; lang=en',
    ]);
    expect(stage({ fields: ['cookie', 'a=1'], cookies: [] }).value('$(HTTP_COOKIE)')).toBeUndefined();
  });

  it('is read in no time, however long its fields are', () => {
    const { value } = stage({
      query: 'a=1&'.repeat(5_000),
      fields: [
        'accept-language',
        'en,'.repeat(5_000),
        'user-agent',
        'Trident/'.repeat(2_000),
        'cookie',
        'a=1;'.repeat(5_000),
      ],
    });
    const begin = performance.now();
    for (let i = 0; i < 2_000; i++) {
      value('$(QUERY_STRING{b})$(HTTP_ACCEPT_LANGUAGE{de})$(HTTP_USER_AGENT{os})$(HTTP_COOKIE{c})');
    }
    for (let i = 0; i < 2_000; i++) value('$(HTTP_USER_AGENT{version}) + $(QUERY_STRING{b})');
    expect(performance.now() - begin).toBeLessThan(1_500);
  });

  it('never shows a credential, whatever is asked', () => {
    const names = fc.oneof(
      fc.string(),
      fc.constantFrom(
        'authorization',
        'Authorization',
        'AUTHORIZATION',
        'proxy-authorization',
        'PROXY_AUTHORIZATION',
        'cookie',
      ),
    );
    const variables = createRequestVariables({ ...REQUEST, cookies: [] });
    fc.assert(
      fc.property(names, names, (name, key) => {
        for (const asked of [name, `HTTP_${name}`, 'HTTP_HEADER', 'HTTP_COOKIE']) {
          expect(String(variables.read(asked) ?? '')).not.toMatch(/secret|a=1/);
          expect(String(variables.read(asked, key) ?? '')).not.toMatch(/secret|a=1/);
        }
      }),
    );
    expect(variables.fingerprint([{ kind: 'variable', name: 'HTTP_HEADER' }])).not.toMatch(/secret|a=1/);
  });
});

describe('assigned variables', () => {
  it('are read back', () => {
    const { scope, value } = stage();
    expect(scope.assign('x', 'a')).toBe('done');
    expect(value('$(x)')).toBe('a');
    expect(scope.assign('x', undefined)).toBe('done');
    expect(value('$(x|d)')).toBe('d');
  });

  it('share lists and dictionaries by reference', () => {
    const { scope, value } = stage({}, { list: [1, 2], map: new Map([['k', 'v']]) });
    scope.assign('same', scope.read('list'));
    expect(scope.assign('same', 'b', 1)).toBe('done');
    expect(value('$(list{1})')).toBe('b');
    expect(scope.assign('map', 'w', 'k2')).toBe('done');
    expect(value("'$(map)'")).toBe('k=v&k2=w');
  });

  test.each<[name: string, key: Value, reason: string, rule: string]>([
    ['list', 2, 'out of range', 'section 4: past the end: no change'],
    ['list', -1, 'out of range', 'section 4: before the beginning'],
    ['list', 'k', 'out of range', 'section 4: no number'],
    ['list', 'length', 'out of range', 'SECURITY row 12: no properties'],
    ['text', 0, 'not a list or dictionary', 'section 4: text does not change'],
    ['nothing', 'k', 'not a list or dictionary', 'section 4: nor does unset'],
    ['HTTP_HOST', undefined, 'reserved name', 'section 4: the request stays as it is'],
    ['HTTP_ANYTHING', undefined, 'reserved name', 'section 4: the request stays as it is'],
    ['QUERY_STRING', 'q', 'reserved name', 'section 4: the request stays as it is'],
    ['MATCHES', undefined, 'reserved name', 'section 4: so do groups'],
    ['ARGS', 0, 'reserved name', 'section 4: and arguments'],
  ])('%s{%j} cannot be assigned: %s (%s)', (name, key, reason) => {
    const { scope, value } = stage({ host: 'h', query: 'q=1' }, { list: [1, 2], text: 'ab' });
    expect(scope.assign(name, 'new', key)).toBe(reason);
    expect(value("'$(list)$(text)$(nothing)$(HTTP_HOST)$(QUERY_STRING)$(MATCHES)$(ARGS)'")).toBe('1,2abhq=1');
  });

  it('are bounded', () => {
    const { scope } = stage({}, { map: new Map() });
    for (let i = 0; i < MAX_ITEMS; i++) scope.assign('map', i, i);
    expect([scope.assign('map', 1, 'one more'), scope.assign('map', 1, 0)]).toEqual(['out of range', 'done']);
    for (let i = 1; i < MAX_VARIABLES; i++) scope.assign(`v${i}`, i);
    expect([scope.assign('one more', 1), scope.assign('v1', 2)]).toEqual(['too many variables', 'done']);
  });

  it('of one document are unknown to another', () => {
    const one = stage({}, { x: 1 });
    expect([one.value('$(x)'), stage().value('$(x)')]).toEqual([1, undefined]);
  });

  it('bind the item of a loop, and mean again what they meant', () => {
    const { scope, value } = stage({}, { item: 'outer' });
    const restore = scope.bind('item', ['k', 'v']);
    const restoreInner = scope.bind('new', 1);
    expect([value('$(item{0})'), value('$(new)')]).toEqual(['k', 1]);
    restoreInner();
    restore();
    expect([value('$(item)'), value('$(new)')]).toEqual(['outer', undefined]);
    scope.bind('HTTP_HOST', 'x')();
    expect(value('$(HTTP_HOST)')).toBeUndefined();
  });

  it('ARGS are those of the innermost call', () => {
    const { scope, value } = stage();
    const leave = scope.enterFunction(['a', 'b']);
    const leaveInner = scope.enterFunction(['c']);
    expect(value("'$(ARGS{0})$(ARGS{1}|-)'")).toBe('c-');
    leaveInner();
    expect([value('$(ARGS{1})'), value('$len($(ARGS))')]).toEqual(['b', 2]);
    leave();
    expect(value('$(ARGS{0})')).toBeUndefined();
  });

  it('MATCHES are those of the innermost choose, and begin anew with each', () => {
    const { scope, value, test: holds } = stage();
    const leave = scope.enterChoose();
    expect(holds("'ab' matches '(.)b'")).toBe(true);
    const leaveInner = scope.enterChoose();
    expect(value('$(MATCHES{1})')).toBeUndefined();
    expect(holds("'xb' matches '(.)b'")).toBe(true);
    expect(value('$(MATCHES{1})')).toBe('x');
    leaveInner();
    expect(value('$(MATCHES{1})')).toBe('a');
    leave();
    expect(value('$(MATCHES{1})')).toBeUndefined();
  });
});

describe('the fingerprint of what a page reads', () => {
  const of = (text: string, request: Partial<RequestFacts>): string =>
    createRequestVariables({ method: 'GET', path: '/', query: '', fields: [], ...request }).fingerprint(
      readsOf(parseText(text)),
    );

  test.each<[text: string, one: Partial<RequestFacts>, other: Partial<RequestFacts>, same: boolean]>([
    ['$(HTTP_COOKIE{a})', { fields: ['cookie', 'a=1'] }, { fields: ['cookie', 'a=2'] }, false],
    ['$(HTTP_COOKIE{a})', { fields: ['cookie', 'a=1'] }, { fields: ['cookie', 'b=2; a=1'] }, true],
    ['$(HTTP_COOKIE{a})', { fields: [] }, { fields: ['cookie', 'a='] }, false],
    ['$(HTTP_COOKIE{$(k)})', { fields: ['cookie', 'a=1'] }, { fields: ['cookie', 'b=2; a=1'] }, false],
    [
      '$(HTTP_ACCEPT_LANGUAGE{en})',
      { fields: ['accept-language', 'en,de'] },
      { fields: ['accept-language', 'fr,en'] },
      true,
    ],
    ['$(HTTP_ACCEPT_LANGUAGE{en})', { fields: ['accept-language', 'en'] }, { fields: [] }, false],
    ['$(HTTP_HEADER{X-A})', { fields: ['x-a', '1'] }, { fields: ['x-a', '2'] }, false],
    ['$(HTTP_HEADER{X-A})', { fields: ['x-a', '1'] }, { fields: ['x-a', '1', 'x-b', '2'] }, true],
    ['$(HTTP_HEADER{$(k)})', { fields: ['x-a', '1'] }, { fields: ['x-a', '1', 'x-b', '2'] }, false],
    ['$(HTTP_HEADER{$(k)})', { fields: ['cookie', '1'] }, { fields: ['cookie', '2'] }, true],
    ['$(QUERY_STRING{q})', { query: 'q=1&r=1' }, { query: 'r=2&q=1' }, true],
    ['$(QUERY_STRING)', { query: 'q=1' }, { query: 'q=2' }, false],
    ['$(GEO{$(k)})', { geo: { city: 'a' } }, { geo: { city: 'b' } }, false],
    ['$(REQUEST_METHOD)', { method: 'GET' }, { method: 'POST' }, false],
    ['$(x)', { fields: ['x', '1'] }, { fields: ['x', '2'] }, true],
    ['plain', { query: 'q=1' }, { query: 'q=2' }, true],
  ])('%s: %j and %j are one: %j', (text, one, other, same) => {
    expect(of(text, one) === of(text, other)).toBe(same);
  });

  it('differs whenever an expanded text does', () => {
    const texts = [
      '$(HTTP_COOKIE{a})',
      '$(HTTP_COOKIE)',
      '$(HTTP_X)',
      '$(HTTP_HEADER{$(HTTP_X)})',
      '$(QUERY_STRING{a})',
      '$(HTTP_ACCEPT_LANGUAGE{en})',
    ];
    const requests = fc.record({
      query: fc.constantFrom('', 'a=1', 'a=1&b=2', 'b=2', 'a=%31'),
      fields: fc
        .array(
          fc.tuple(
            fc.constantFrom('cookie', 'x', 'y', 'accept-language'),
            fc.constantFrom('a=1', 'a=2', 'x', 'y', 'en', 'de'),
          ),
        )
        .map((fields) => fields.flat()),
    });
    fc.assert(
      fc.property(fc.constantFrom(...texts), requests, requests, (text, one, other) => {
        if (stage(one).text(text) !== stage(other).text(text)) expect(of(text, one)).not.toBe(of(text, other));
      }),
      { numRuns: 1_000 },
    );
  });

  it('ignores what is not of the request', () => {
    const reads: VariableRead[] = [{ kind: 'clock' }, { kind: 'variable', name: 'x', key: 'k' }];
    expect(createRequestVariables(REQUEST).fingerprint(reads)).toBe('[null,null]');
  });
});
