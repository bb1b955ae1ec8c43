/** Every API of the protocol that still has a version, by key, with its codecs. */
import type { ApiSpec } from './api-spec.ts'
import { apiSpecs } from './generated/apis.ts'

export type { ApiSpec }

export const apis: ReadonlyMap<number, ApiSpec> = new Map(apiSpecs.map((spec) => [spec.key, spec]))

export function apiByKey(key: number): ApiSpec | undefined {
  return apis.get(key)
}
