/** What the records of ESI's elements have in common. */

/** The anchor of what is malformed: stripped, with a warning. */
export const WARN = 'ESI.md 7 malformed';
/** What the records include. */
export const fragments = { '/f': 'F', '/g': 'G', '/bad': { status: 500, body: 'secret' } };

/** A record of a page that is composed to this body. */
export const markup = (id: string, says: string, anchor: string, page: string, body: string, more: object = {}) => ({
  id,
  says,
  anchor,
  page,
  fragments,
  expect: { body, ...more },
});

/** A try whose except is `E`. */
export const attempt = (content: string, except = 'E') =>
  `<esi:try><esi:attempt>${content}</esi:attempt><esi:except>${except}</esi:except></esi:try>`;
