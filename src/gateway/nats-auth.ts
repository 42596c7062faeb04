/** How an instance proves to a NATS server who it is, and what it asks of the server's certificate. */
export interface NatsAuth {
  readonly user?: string | undefined;
  readonly password?: string | undefined;
  readonly token?: string | undefined;
  /** The seed of a user's nkey (`SU…`). */
  readonly nkey?: string | undefined;
  /** Path of a credentials file (JWT and seed). */
  readonly creds?: string | undefined;
  /** Paths of PEM files: who signs the server's certificate, and our own. */
  readonly ca?: string | undefined;
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
}

/** Characters of the shortest secret: as many as the hexadecimal form of 128 bits. */
const SECRET_LENGTH = 32;

/** What to do where a secret is named and there is none. */
export const WITHOUT_SECRET = 'leave the member out to use INLAY_PURGE_SECRET, or none';

/** What is wrong with a secret that purges are signed with; undefined if nothing is. Never says what is in it. */
export function secretFault(secret: string): string | undefined {
  return secret.length < SECRET_LENGTH ? `must have at least ${SECRET_LENGTH} characters` : undefined;
}

/** Members that go together: what says one of them says nothing if it leaves out another. */
const PAIRS = [
  ['user', 'password'],
  ['cert', 'key'],
] as const;
/** Ways to say who one is, of which a server takes one. */
const IDENTITIES = ['user', 'token', 'nkey', 'creds'] as const;
/** The seed of a user: base 32, and nothing else has its first two letters. */
const SEED = /^SU[A-Z2-7]{56}$/;

/** What is wrong with it: which members do not go together, or lack another. Never says what is in them. */
export function authFaults(auth: NatsAuth): { readonly member: keyof NatsAuth; readonly message: string }[] {
  const faults: { member: keyof NatsAuth; message: string }[] = [];
  for (const [one, other] of PAIRS) {
    if ((auth[one] === undefined) === (auth[other] === undefined)) continue;
    const [said, missing] = auth[one] === undefined ? [other, one] : [one, other];
    faults.push({ member: missing, message: `is needed where ${said} is set` });
  }
  const [first, ...others] = IDENTITIES.filter((way) => auth[way] !== undefined);
  for (const other of others) faults.push({ member: other, message: `and ${first} exclude each other` });
  if (auth.nkey !== undefined && !SEED.test(auth.nkey))
    faults.push({ member: 'nkey', message: 'must be the seed of a user, which begins with SU and has 58 characters' });
  return faults;
}

/** What a text names, separated by commas. */
export function splitList(list: string): string[] {
  return list
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '');
}
