import { sendRaw, type TestGateway } from './gateway.ts';
import type { Origin, Received } from './origin.ts';

/**
 * Statuses and text of what a connection got, when all that was sent on it has been taken up or it has been closed: what
 * is no whole request is told then that there is no more of it.
 */
export async function answerTo(gateway: TestGateway, bytes: string): Promise<{ statuses: number[]; text: string }> {
  const { socket, closed } = sendRaw(gateway.port, bytes);
  await Promise.race([closed, takenUp(gateway)]);
  socket.end();
  const text = await closed;
  return { statuses: [...text.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map((found) => Number(found[1])), text };
}

/** Resolves when the gateway has since answered others, one after the other. */
async function takenUp(gateway: TestGateway): Promise<void> {
  for (let i = 0; i < 3; i++) await gateway.get('/other');
}

/** What the origin was asked for, less what {@link answerTo} asked meanwhile. */
export function attacked({ requests }: Origin): Received[] {
  return requests.filter(({ target }) => target !== '/other');
}
