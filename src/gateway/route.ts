import type { Facade, Route } from './resolve-config.ts';

/** Finds the facade of a host: the one that names it, else the one without hosts. */
export function findFacade(facades: readonly Facade[], host: string): Facade | undefined {
  const name = hostName(host);
  return facades.find((facade) => facade.hosts.includes(name)) ?? facades.find((facade) => facade.hosts.length === 0);
}

/** Finds the route of a path (without query): an exact one, else the longest beginning. Decides on the bytes that are forwarded. */
export function findRoute(facade: Facade, path: string): Route | undefined {
  return facade.routes.find((route) => (route.prefix ? path.startsWith(route.path) : path === route.path));
}

function hostName(host: string): string {
  return host.toLowerCase().replace(/:\d*$/, '').replace(/\.$/, '');
}
