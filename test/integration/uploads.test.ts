import { createServer } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { startGateway } from '../support/gateway.ts';

let stop: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const each of stop) await each();
  stop = [];
});

test('uploads that a service refuses by closing do not make it count as down', async () => {
  // As some do, and what stands before them: the connection is reset as soon as the upload is seen to be unwanted.
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.once('data', (data: Buffer) => {
      const text = data.toString('latin1');
      if (text.startsWith('GET'))
        socket.end('HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncache-control: no-store\r\n\r\nok');
      else socket.resetAndDestroy();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  stop.push(() => void server.close());
  const { port } = server.address() as { port: number };
  const gateway = await startGateway({
    services: { web: `http://127.0.0.1:${port}` },
    facades: { all: { routes: { '/*': 'web' } } },
  });
  stop.unshift(() => gateway.stop());
  for (let i = 0; i < 5; i++) await gateway.get('/form', { method: 'POST', body: 'x'.repeat(100_000) });
  const { status, headers } = await gateway.get('/ok');
  expect({ status, error: headers['inlay-error'] }).toEqual({ status: 200, error: undefined });
});

test('nor do those that it answers with 413 and the end of the connection', async () => {
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.once('data', (data: Buffer) => {
      if (data.toString('latin1').startsWith('GET'))
        socket.end('HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncache-control: no-store\r\n\r\nok');
      else
        socket.write('HTTP/1.1 413 Content Too Large\r\ncontent-length: 0\r\nconnection: close\r\n\r\n', () =>
          socket.destroy(),
        );
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  stop.push(() => void server.close());
  const { port } = server.address() as { port: number };
  const gateway = await startGateway({
    services: { web: `http://127.0.0.1:${port}` },
    facades: { all: { routes: { '/*': 'web' } } },
  });
  stop.unshift(() => gateway.stop());
  // Whether its 413 is read before the end of the connection is: that is a matter of luck, so it may also be a 502.
  for (let i = 0; i < 10; i++) await gateway.get('/form', { method: 'POST', body: 'x'.repeat(1_000_000) });
  const { status, headers } = await gateway.get('/ok');
  expect({ status, error: headers['inlay-error'] }).toEqual({ status: 200, error: undefined });
});
