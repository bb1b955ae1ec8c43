/**
 * Whether the application has OpenTelemetry. In a file of its own, so that the declarations of the client's face do not
 * name a package that need not be there.
 */
import { createRequire } from 'node:module'

export type Api = typeof import('@opentelemetry/api')

/** Under this symbol every copy of the API finds what the SDK has registered. */
const REGISTRY = Symbol.for('opentelemetry.js.api.1')
const PACKAGE = '@opentelemetry/api'

/** null: no SDK has registered a tracer, or the API's package is not installed. */
export function openTelemetry(): Api | null {
  const registered = (globalThis as { [REGISTRY]?: { trace?: unknown } })[REGISTRY]
  if (registered?.trace === undefined) return null
  try {
    return createRequire(import.meta.url)(PACKAGE) as Api
  } catch {
    return null
  }
}
