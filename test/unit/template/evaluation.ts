import { createEnvironment, type Environment, type EnvironmentOptions } from '../../../src/template/environment.ts';
import { evaluate, evaluateTest, expandText } from '../../../src/template/evaluate.ts';
import { parseExpression, parseText } from '../../../src/template/expression.ts';
import { createScope, type Scope } from '../../../src/template/scope.ts';
import type { Value } from '../../../src/template/value.ts';
import { createRequestVariables, type RequestFacts } from '../../../src/template/variables.ts';

/** 23 November 2026, 08:00 UTC. */
export const NOW = Date.UTC(2026, 10, 23, 8);

/** A page in the making: a request, variables, and what came of the expressions. */
export interface Stage {
  readonly scope: Scope;
  readonly environment: Environment;
  /** The codes of the warnings so far. */
  readonly warnings: string[];
  /** The value of an expression; the text of the error if it is none. */
  value(text: string): Value;
  test(text: string): boolean;
  /** Text with its values in it, not escaped. */
  text(text: string): string;
}

export function stage(
  request: Partial<RequestFacts> = {},
  variables: Readonly<Record<string, Value>> = {},
  options: Partial<EnvironmentOptions> = {},
): Stage {
  const scope = createScope(createRequestVariables({ method: 'GET', path: '/', query: '', fields: [], ...request }));
  for (const [name, value] of Object.entries(variables)) scope.assign(name, value);
  const warnings: string[] = [];
  const environment = createEnvironment({
    read: scope.read,
    matched: scope.matched,
    warn: ({ code }) => warnings.push(code),
    now: () => NOW,
    random: () => 0.5,
    ...options,
  });
  return {
    scope,
    environment,
    warnings,
    value: (text) => {
      const expression = parseExpression(text);
      return expression.kind === 'error' ? `error: ${expression.message}` : evaluate(expression, environment);
    },
    test: (text) => evaluateTest(parseExpression(text), environment),
    text: (text) => expandText(parseText(text), environment, (value) => value),
  };
}
