import { describe } from 'vitest';
import { fuzzJson } from '../../support/json-fuzz.ts';

describe('JSON composed by a model, one half of the seeds', () => fuzzJson(0));
