import { describe } from 'vitest';
import { fuzzJson } from '../../support/json-fuzz.ts';

describe('JSON composed by a model, the other half of the seeds', () => fuzzJson(1));
