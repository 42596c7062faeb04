import { afterEach, beforeEach, expect, test } from 'vitest';
import { startGateway, type TestGateway } from '../support/gateway.ts';
import { type Origin, startOrigin } from '../support/origin.ts';

// The facade is found by Host, a kept page by what a trusted peer says in X-Forwarded-Host.

const PAGE = { 'content-type': 'text/html', 'surrogate-control': 'content="ESI/1.0"', 'cache-control': 'max-age=60' };
let shop: Origin;
let blog: Origin;
let gateway: TestGateway;

beforeEach(async () => {
  shop = await startOrigin();
  blog = await startOrigin();
  gateway = await startGateway({
    services: { shop: shop.url, blog: blog.url },
    facades: {
      shop: { hosts: ['shop.internal'], routes: { '/*': 'shop' } },
      blog: { hosts: ['blog.internal', 'blog.example'], routes: { '/*': 'blog' } },
    },
    trustedPeers: ['127.0.0.1'],
  });
});
afterEach(async () => {
  await gateway.stop();
  await shop.stop();
  await blog.stop();
});

test('behind a proxy that serves two facades under one public host, neither is answered with the page of the other', async () => {
  shop.script('/', { headers: PAGE, body: 'shop' });
  blog.script('/', { headers: PAGE, body: 'blog' });
  const said = { 'x-forwarded-host': 'www.example', 'x-forwarded-proto': 'https' };
  for (let i = 0; i < 4; i++) await gateway.get('/', { headers: { host: 'shop.internal', ...said } });
  const { text } = await gateway.get('/', { headers: { host: 'blog.internal', ...said } });
  expect(text).toBe('blog');
});

test('a forwarded host that a proxy lets through from its client puts no page of another facade before others', async () => {
  shop.script('/', { headers: PAGE, body: 'shop' });
  blog.script('/', { headers: PAGE, body: 'blog' });
  for (let i = 0; i < 4; i++)
    await gateway.get('/', { headers: { host: 'shop.internal', 'x-forwarded-host': 'blog.example' } });
  const { text } = await gateway.get('/', { headers: { host: 'blog.example' } });
  expect(text).toBe('blog');
});

test('a forwarded host with a slash makes no page stand at another target', async () => {
  blog.script('/b', { headers: PAGE, body: 'b' });
  blog.script('/a/b', { headers: PAGE, body: 'a/b' });
  for (let i = 0; i < 4; i++)
    await gateway.get('/b', { headers: { host: 'blog.example', 'x-forwarded-host': 'blog.example/a' } });
  const { text } = await gateway.get('/a/b', { headers: { host: 'blog.example' } });
  expect(text).toBe('a/b');
});
