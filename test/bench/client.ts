import { connect, type Socket } from 'node:net';

/** One answer, and when it came. */
export interface Taken {
  readonly status: number;
  /** Ms from the request to the first byte of the head, of the body, and to the last byte. */
  readonly head: number;
  readonly first: number;
  readonly total: number;
  readonly body: Buffer;
}

/** A kept-alive connection that takes one answer after the other: as little as there can be between socket and clock. */
export class Connection {
  readonly #socket: Socket;
  readonly #host: string;
  #take: (chunk: Buffer) => void = () => {};
  #fail: (error: Error) => void = () => {};

  private constructor(socket: Socket, host: string) {
    this.#socket = socket;
    this.#host = host;
    socket.setNoDelay(true);
    socket.on('data', (chunk: Buffer) => this.#take(chunk));
    socket.on('error', (error) => this.#fail(error));
    socket.on('close', () => this.#fail(new Error('the server closed the connection')));
  }

  static async open(url: string): Promise<Connection> {
    const { hostname, port, host } = new URL(url);
    const socket = connect(Number(port), hostname);
    await new Promise((resolve, reject) => socket.once('connect', resolve).once('error', reject));
    return new Connection(socket, host);
  }

  get(path: string): Promise<Taken> {
    const { promise, resolve, reject } = Promise.withResolvers<Taken>();
    const reader = new Reader();
    const asked = performance.now();
    this.#fail = reject;
    this.#take = (chunk) => {
      if (reader.push(chunk, performance.now() - asked)) resolve(reader.taken());
    };
    this.#socket.write(`GET ${path} HTTP/1.1\r\nHost: ${this.#host}\r\n\r\n`);
    return promise;
  }

  close(): void {
    this.#fail = () => {};
    this.#socket.destroy();
  }
}

/** Reads one answer, framed by its length or in chunks. */
class Reader {
  #bytes: Buffer = Buffer.alloc(0);
  #bodyAt = -1;
  #length = -1;
  #status = 0;
  #head = 0;
  #first = 0;
  #now = 0;

  /** Takes what arrived at `now`; true when the answer is complete. */
  push(chunk: Buffer, now: number): boolean {
    this.#bytes = this.#bytes.length === 0 ? chunk : Buffer.concat([this.#bytes, chunk]);
    this.#now = now;
    if (this.#bodyAt < 0 && !this.#readHead()) return false;
    const bytes = this.#bytes.length - this.#bodyAt;
    if (bytes > 0 && this.#first === 0) this.#first = now;
    // Bodies here never end in these bytes themselves, and nobody sends a second answer unasked.
    return this.#length < 0 ? this.#bytes.subarray(-7).toString('latin1') === '\r\n0\r\n\r\n' : bytes >= this.#length;
  }

  taken(): Taken {
    const raw = this.#bytes.subarray(this.#bodyAt);
    const body = this.#length < 0 ? unchunk(raw) : raw;
    return { status: this.#status, head: this.#head, first: this.#first, total: this.#now, body };
  }

  #readHead(): boolean {
    if (this.#head === 0) this.#head = this.#now;
    const end = this.#bytes.indexOf('\r\n\r\n');
    if (end < 0) return false;
    const head = this.#bytes.toString('latin1', 0, end);
    this.#bodyAt = end + 4;
    this.#status = Number(head.slice(9, 12));
    const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1];
    if (length !== undefined) this.#length = Number(length);
    return true;
  }
}

function unchunk(raw: Buffer): Buffer {
  const parts: Buffer[] = [];
  for (let at = 0; at < raw.length; ) {
    const line = raw.indexOf('\r\n', at);
    const size = Number.parseInt(raw.toString('latin1', at, line), 16);
    if (size === 0) break;
    parts.push(raw.subarray(line + 2, line + 2 + size));
    at = line + 2 + size + 2;
  }
  return Buffer.concat(parts);
}
