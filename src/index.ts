/** Inlay's public API: declare fragments and a gateway, and make it a Hono app. */

export { type ErrorCode, InlayError } from './errors.ts';
export { defineFragment, type FragmentDefinition, type ScopeValue } from './fragment/define.ts';
export { createGateway, type Rim } from './gateway/app.ts';
export {
  defineGateway,
  type EnvironmentValue,
  env,
  type FacadeConfig,
  type GatewayConfig,
  type NatsAuthConfig,
  type RouteConfig,
  type ServiceConfig,
} from './gateway/config.ts';
export { ConfigError, type ConfigProblem, type Gateway, resolveConfig } from './gateway/resolve-config.ts';
export type { InlayEvent, RequestRecord, Runtime, UpstreamRequest, UpstreamResponse } from './runtime.ts';
