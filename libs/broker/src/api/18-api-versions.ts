/**
 * ApiVersions (18), versions 0–4: what this broker can do.
 *
 * - v3 KIP-511: the client's software name and version, which must be words; the body is flexible, the response
 *   header never is, so that a client that knows nothing of us can read the answer
 * - v3 KIP-584: supported and finalised features
 * - v4 KAFKA-17011: features whose lowest level is 0 are shown; older clients cannot read them, so they are left out
 * - a version we do not know is answered as v0 with UNSUPPORTED_VERSION and our own range of this API (KIP-511)
 */
import { KafkaError } from '@troupe/wire/errors'
import type { ApiVersionsRequest, ApiVersionsResponseInput } from '@troupe/wire/messages'
import { defineApi } from '../api.ts'
import type { RequestContext } from '../context.ts'
import { supportedFeatures } from '../features.ts'
import { encodeFrame } from '../response-frame.ts'

export const API_VERSIONS = 18

export const gaps: readonly string[] = []

const SOFTWARE = /^[a-zA-Z0-9](?:[a-zA-Z0-9\-.]*[a-zA-Z0-9])?$/

export const apiVersions = defineApi<ApiVersionsRequest, ApiVersionsResponseInput>({
  key: API_VERSIONS,
  minVersion: 0,
  maxVersion: 4,
  gaps,
  handle(request, ctx) {
    const named =
      ctx.version < 3 || (SOFTWARE.test(request.clientSoftwareName) && SOFTWARE.test(request.clientSoftwareVersion))
    if (!named) return ctx.respond({ errorCode: KafkaError.INVALID_REQUEST })
    const { cluster } = ctx.env
    ctx.respond({
      apiKeys: ctx.front.advertised,
      supportedFeatures: supportedFeatures.filter(({ minVersion }) => minVersion > 0 || ctx.version >= 4),
      finalizedFeaturesEpoch: cluster.offset,
      finalizedFeatures: [...cluster.features]
        .filter(([, level]) => level > 0)
        .map(([name, level]) => ({ name, minVersionLevel: level, maxVersionLevel: level })),
    })
  },
  failure: (_request, errorCode) => ({ errorCode }),
})

/** In v0 form, whatever was asked: that much every client can read. */
export function respondUnsupportedVersion(ctx: RequestContext): void {
  const own = ctx.front.advertised.filter(({ apiKey }) => apiKey === API_VERSIONS)
  ctx.respondFrame(encodeFrame(ctx, { errorCode: KafkaError.UNSUPPORTED_VERSION, apiKeys: own }, 0))
}
