/** Host names of the Worker under test (main.ts), and what answers them. */
export const COMPOSITION = 'http://composition.test';
export const ATLAS = 'http://atlas.test';
