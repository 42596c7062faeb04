import { Connection } from './client.ts';
import type { Server } from './stage.ts';

/** What the origin was asked for under one id. */
export interface Seen {
  readonly pages: number;
  readonly fragments: number;
  /** Ms that the slowest fragment took at the origin. */
  readonly slowest: number;
}

export async function seenAt(origin: Server, id: string): Promise<Seen> {
  const connection = await Connection.open(origin.url);
  const { body } = await connection.get(`/seen?id=${id}`);
  connection.close();
  return JSON.parse(body.toString()) as Seen;
}
