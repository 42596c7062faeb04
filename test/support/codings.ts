import * as zlib from 'node:zlib';
import type { Answered } from './gateway.ts';

const DECODERS: Readonly<Record<string, (bytes: Buffer, whole: boolean) => Buffer>> = {
  gzip: (bytes, whole) => zlib.gunzipSync(bytes, whole ? {} : { finishFlush: zlib.constants.Z_SYNC_FLUSH }),
  deflate: (bytes, whole) => zlib.inflateSync(bytes, whole ? {} : { finishFlush: zlib.constants.Z_SYNC_FLUSH }),
  br: (bytes, whole) =>
    zlib.brotliDecompressSync(bytes, whole ? {} : { finishFlush: zlib.constants.BROTLI_OPERATION_FLUSH }),
  zstd: (bytes, whole) => zlib.zstdDecompressSync(bytes, whole ? {} : { finishFlush: zlib.constants.ZSTD_e_flush }),
};

/** The content codings of an answer, in the order in which they were applied (RFC 9110 section 8.4). */
export function codingsOf({ headers }: Answered): string[] {
  const names = (headers['content-encoding'] ?? '').split(',').map((name) => name.trim().toLowerCase());
  return names.filter((name) => name !== '' && name !== 'identity');
}

/** The body as it was before it was coded, as far as it came; `undefined` if it is whole and cannot be decoded. */
export function decoded(answered: Answered): string | undefined {
  const { latin1, complete, status } = answered;
  if (latin1 === '') return '';
  const whole = complete && status !== 206;
  let bytes = Buffer.from(latin1, 'latin1');
  try {
    for (const name of codingsOf(answered).reverse()) bytes = Buffer.from(DECODERS[name]!(bytes, whole));
    return bytes.toString('utf8');
  } catch {
    return whole ? undefined : '';
  }
}
