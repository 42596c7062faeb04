import type { FragmentDefinition } from '../../../src/fragment/define.ts';
import type { Fragment } from '../../../src/fragment/match.ts';
import type { Service } from '../../../src/fragment/service.ts';
import { resolveConfig } from '../../../src/gateway/resolve-config.ts';

/** Services and fragments as a configuration resolves them. */
export function fragments(...definitions: Partial<FragmentDefinition>[]): {
  readonly fragments: readonly Fragment[];
  readonly services: ReadonlyMap<string, Service>;
} {
  return resolveConfig({
    services: {
      web: 'http://web:9000',
      catalog: 'http://catalog:9001/base',
      visitor: { url: 'https://visitor', forward: ['cookie'] },
    },
    facades: { all: { routes: { '/*': 'web' } } },
    fragments: definitions.map((definition, i) => ({
      name: `f${i}`,
      path: '/f/{id}',
      service: 'catalog',
      ...definition,
    })),
  });
}

/** The one fragment of a definition. */
export function fragment(definition: Partial<FragmentDefinition>): Fragment {
  return fragments(definition).fragments[0]!;
}
