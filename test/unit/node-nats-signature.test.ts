import { describe, expect, test } from 'vitest';
import { Signatures } from '../../src/node/nats-signature.ts';
import { RefusedNumbers } from '../../src/node/refused-numbers.ts';
import { headerBlock, OTHER_SECRET, SECRET, signatureLine } from '../support/signed.ts';

const SUBJECT = 'inlay.purge.web';
const BODY = '{"v":1,"id":"x","tags":["a"]}';
const NOW = 1_700_000_000_000;
const MINUTE = 60_000;

const bytes = (text: string) => Buffer.from(text, 'latin1');
const sealed = (...lines: string[]) => ({
  subject: SUBJECT,
  data: Buffer.from(BODY),
  head: bytes(headerBlock(...lines)),
});
const right = (signing = {}) => signatureLine(SUBJECT, BODY, { at: NOW, ...signing });
const fault = (message: ReturnType<typeof sealed>, at: number | undefined = NOW, ...secrets: string[]) =>
  new Signatures(secrets.length === 0 ? [SECRET] : secrets).fault(message, at);

describe('a signature', () => {
  // printf '%s' '<t>.<subject>.<body>' | openssl dgst -sha256 -hmac '<secret>'
  test.each([
    [SECRET, SUBJECT, Buffer.from(BODY), '449eda51f3cd38dc75f44d819b165bc92d21836e79beeaaf0c3c78ca04c53f4b'],
    [OTHER_SECRET, SUBJECT, Buffer.from(''), 'eda5cbf5fc8f832781abebde4fcc82b0fd56b73b63d65fa37d1346806c1cd566'],
    [
      SECRET,
      'inlay.purge._all',
      Buffer.from([0x00, 0xff, 0x0d, 0x0a, 0xc3, 0xa9]),
      '597263bf4ff2166acbdc780c5e012a3d886159791c164253b6dc0fc731e9ac2f',
    ],
  ])('is the HMAC that openssl makes (%#)', (secret, subject, data, hex) => {
    const head = bytes(headerBlock(`Inlay-Signature: t=${NOW},s=${hex}\r\n`));
    expect(new Signatures([secret]).fault({ subject, data, head }, NOW)).toBeUndefined();
  });

  test('that we make is that of openssl, too', () => {
    const value = `t=${NOW},s=449eda51f3cd38dc75f44d819b165bc92d21836e79beeaaf0c3c78ca04c53f4b`;
    expect(new Signatures([SECRET, OTHER_SECRET]).sign(SUBJECT, BODY, NOW)).toBe(value);
  });

  test('is made with the first secret and believed with each, so that one can take the place of another', () => {
    const [before, between, after] = [[SECRET, OTHER_SECRET], [OTHER_SECRET, SECRET], [OTHER_SECRET]];
    const signedBy = (secrets: string[]) =>
      sealed(`Inlay-Signature: ${new Signatures(secrets).sign(SUBJECT, BODY, NOW)}\r\n`);
    expect(fault(signedBy(before), NOW, ...between)).toBeUndefined();
    expect(fault(signedBy(between), NOW, ...before)).toBeUndefined();
    expect(fault(signedBy(after), NOW, ...between)).toBeUndefined();
    expect(fault(signedBy(before), NOW, ...after)).toBe('signed with no secret that is known here');
  });

  test.each([
    ['of another secret', right({ secret: OTHER_SECRET })],
    ['of another space', right({ subject: 'inlay.purge.shop' })],
    ['of all spaces', right({ subject: 'inlay.purge._all' })],
    ['of another body', right({ body: `${BODY} ` })],
    ['of another time', right({ at: NOW - 1 }).replace(String(NOW - 1), String(NOW))],
    ['of nothing', `Inlay-Signature: t=${NOW},s=${'0'.repeat(64)}\r\n`],
  ])('%s is not believed', (_name, line) => {
    expect(fault(sealed(line))).toBe('signed with no secret that is known here');
  });

  test('is believed of a message that was stored at most 5 minutes before or after it was signed', () => {
    expect(fault(sealed(right()), NOW + 5 * MINUTE)).toBeUndefined();
    expect(fault(sealed(right()), NOW - 5 * MINUTE)).toBeUndefined();
    expect(fault(sealed(right()), NOW + 5 * MINUTE + 1)).toBe('signed 300 s before it was stored');
    expect(fault(sealed(right()), NOW - 6 * MINUTE)).toBe('signed 360 s after it was stored');
    expect(new Signatures([SECRET]).fault(sealed(right()), undefined)).toBe('not known when it was stored');
  });

  test('is believed once, for as long as the same message could be published again', () => {
    const signatures = new Signatures([SECRET], 10);
    const at = (time: number) => signatures.fault(sealed(right({ at: time })), time);
    expect(at(NOW)).toBeUndefined();
    expect(signatures.fault(sealed(right()), NOW + 5 * MINUTE)).toBe('the same as an earlier one');
    for (let later = 1; later <= 10; later++) expect(at(NOW + later)).toBeUndefined();
    expect(at(NOW)).toBe('the same as an earlier one');
    // What nobody believes has no place among those that are remembered.
    for (let i = 0; i < 100; i++) signatures.fault(sealed(right({ secret: OTHER_SECRET, at: NOW + i })), NOW + i);
    expect(at(NOW + 10)).toBe('the same as an earlier one');
    for (let later = 11; later <= 30; later++) expect(at(NOW + later)).toBeUndefined();
    expect(at(NOW)).toBeUndefined();
  });

  test('of a clock that is ahead is known when it comes again, until it is too old', () => {
    const signatures = new Signatures([SECRET]);
    const ahead = sealed(right({ at: NOW + 5 * MINUTE }));
    expect(signatures.fault(ahead, NOW)).toBeUndefined();
    for (let minute = 1; minute <= 10; minute++) {
      const now = NOW + minute * MINUTE - 1;
      expect(signatures.fault(sealed(right({ at: now })), now)).toBeUndefined();
      expect(signatures.fault(ahead, now)).toBe('the same as an earlier one');
    }
    expect(signatures.fault(ahead, NOW + 10 * MINUTE + 1)).toBe('signed 300 s before it was stored');
  });

  test('of a clock that is ahead is known for as long, though it came late among those that are remembered with it', () => {
    const signatures = new Signatures([SECRET]);
    const at = (time: number, stored = time) => signatures.fault(sealed(right({ at: time })), stored);
    const came = NOW + 5 * MINUTE;
    const ahead = came + 5 * MINUTE;
    expect(at(NOW)).toBeUndefined();
    expect(at(ahead, came)).toBeUndefined();
    for (let minute = 1; minute <= 10; minute++) {
      expect(at(came + minute * MINUTE - 1)).toBeUndefined();
      expect(at(ahead, came + minute * MINUTE - 1)).toBe('the same as an earlier one');
    }
  });
});

describe('a message', () => {
  test('that is larger than any purge is refused for that, whoever signed it, and before it is hashed', () => {
    const largest = `${BODY}${' '.repeat(65_536 - BODY.length)}`;
    const of = (body: string, line: string) => ({ ...sealed(line), data: Buffer.from(body) });
    expect(fault(of(largest, right({ body: largest })))).toBeUndefined();
    const larger = `${largest} `;
    for (const line of [right({ body: larger }), right({ body: larger, secret: OTHER_SECRET }), 'X: y\r\n']) {
      expect(fault(of(larger, line))).toBe('larger than 65536 bytes');
    }
    const unhashable = { length: 65_537 } as Buffer<ArrayBuffer>;
    expect(fault({ ...sealed(right()), data: unhashable })).toBe('larger than 65536 bytes');
  });

  test.each([
    ['without headers', ''],
    ['with others', headerBlock('Nats-Msg-Id: x\r\n')],
    ['with a header of a longer name', headerBlock(`X-${right()}`)],
    ['with a signature in the value of another', headerBlock(`X: ${right()}`)],
    ['whose signature is cut off from its line', right()],
  ])('%s is not signed', (_name, head) => {
    expect(fault({ ...sealed(), head: bytes(head) })).toBe('not signed');
  });

  test('with two signatures is not believed, whichever is right and however their names are written', () => {
    const wrong = right({ secret: OTHER_SECRET });
    for (const lines of [
      [right(), wrong],
      [wrong, right()],
      [right(), right()],
      [right(), 'inlay-signature:\r\n'],
      Array.from({ length: 10_000 }, () => right()),
    ]) {
      expect(fault(sealed(...lines))).toBe('signed more than once');
    }
  });

  test('may be signed by a client that writes names otherwise, among other headers', () => {
    for (const name of ['inlay-signature', 'INLAY-SIGNATURE', 'Inlay-Signature']) {
      const line = right().replace('Inlay-Signature: ', `${name}:\t `).replace('\r\n', ' \t\r\n');
      expect(fault(sealed('Nats-Msg-Id: x\r\n', line, 'X: y\r\n'))).toBeUndefined();
    }
  });

  test.each([
    '',
    'x',
    't=,s=',
    `t=${NOW}`,
    `s=${'a'.repeat(64)}`,
    `s=${'a'.repeat(64)},t=${NOW}`,
    `t=${NOW},s=${'a'.repeat(63)}`,
    `t=${NOW},s=${'a'.repeat(66)}`,
    `t=${NOW},s=${'A'.repeat(64)}`,
    `t=${NOW},s=${'g'.repeat(64)}`,
    `t=0${NOW},s=${'a'.repeat(64)}`,
    `t=-1,s=${'a'.repeat(64)}`,
    `t=1e12,s=${'a'.repeat(64)}`,
    `t=${'9'.repeat(400)},s=${'a'.repeat(64)}`,
    `t=${NOW}, s=${'a'.repeat(64)}`,
    `t=${NOW},s=${'a'.repeat(64)},t=1`,
    `t=${NOW}\u0000,s=${'a'.repeat(64)}`,
    `t=${NOW},s=${'\u00e9'.repeat(64)}`,
  ])('with a signature of another form is refused without a word of it (%#)', (value) => {
    const told = fault(sealed(`Inlay-Signature: ${value}\r\n`));
    expect(told).toBe('signed in no form that is known here');
  });

  test('with headers that no client library reads is read all the same, and in no time', () => {
    const odd = ['X Y: 1\r\n', 'Bad\u0001: 1\r\n', 'X: a\nb\r\n', ': \r\n', '\u00ff\u00fe\r\n', ':::\r\n'];
    expect(fault(sealed(...odd, right(), ...odd))).toBeUndefined();
    expect(fault({ ...sealed(), head: Buffer.from([0xff, 0x00, 0x0d, 0x0a]) })).toBe('not signed');
    const many = Array.from({ length: 200_000 }, (_, at) => `${at}:\r\n`);
    const began = performance.now();
    expect(fault(sealed(many.join('')))).toBe('not signed');
    expect(performance.now() - began).toBeLessThan(2_000);
  });
});

describe('refused numbers', () => {
  test('are known, and no others', () => {
    const numbers = new RefusedNumbers();
    expect(numbers.has('e', 1)).toBe(false);
    numbers.refused('e', 3);
    numbers.refused('e', 4);
    numbers.taken();
    numbers.refused('e', 6);
    expect([2, 3, 4, 5, 6, 7].map((seq) => numbers.has('e', seq))).toEqual([false, true, true, false, true, false]);
  });

  test('are forgotten with the epoch that they belong to', () => {
    const numbers = new RefusedNumbers();
    numbers.refused('e', 3);
    expect([numbers.has('e', 3), numbers.has('f', 3)]).toEqual([true, false]);
    numbers.refused('f', 1);
    expect([1, 2, 3].map((seq) => numbers.has('f', seq))).toEqual([true, false, false]);
    expect(numbers.has('e', 3)).toBe(false);
  });

  test('outlast a flood that nobody signed, and take no room for it', () => {
    const numbers = new RefusedNumbers();
    numbers.refused('e', 1);
    numbers.taken();
    for (let seq = 3; seq < 100_000; seq++) numbers.refused('e', seq);
    numbers.taken();
    expect([1, 2, 99_999, 100_000].map((seq) => numbers.has('e', seq))).toEqual([true, false, true, false]);
    for (let seq = 100_000; seq < 110_000; seq += 2) {
      numbers.refused('e', seq);
      numbers.taken();
    }
    expect([1, 109_998].map((seq) => numbers.has('e', seq))).toEqual([false, true]);
  });
});
