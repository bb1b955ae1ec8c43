/**
 * Where tokens for OAUTHBEARER come from: the application's own function; else an unsecured token made of the login
 * module's claims (KIP-255, for development); else the token endpoint, with client credentials (KIP-768). Source:
 * `OAuthBearerUnsecuredLoginCallbackHandler`, `HttpAccessTokenRetriever`.
 */
import type { OAuthToken } from '../messages.ts'
import { jaasOptions } from '../network/sasl/credentials.ts'

/** `extensions`: sent with the token (KIP-342). */
export interface ProvidedToken {
  readonly token: string
  readonly extensions?: Readonly<Record<string, string>>
}

/** Asked for every authentication: what may be used again is the provider's to remember. */
export type TokenProvider = () => Promise<ProvidedToken | string>

const CLAIM = 'unsecuredLoginStringClaim_'
const NUMBER = 'unsecuredLoginNumberClaim_'
const EXTENSION = 'unsecuredLoginExtension_'
const LIFETIME_SECONDS = 3600

export function tokenProvider(properties: Readonly<Record<string, unknown>>): TokenProvider {
  const options = jaasOptions(String(properties['sasl.jaas.config'] ?? ''))
  const endpoint = properties['sasl.oauthbearer.token.endpoint.url']
  if (typeof endpoint === 'string' && endpoint !== '') return () => retrieve(endpoint, options)
  return () => Promise.resolve(unsecured(options))
}

export function askForToken(provider: TokenProvider, id: number, deliver: (message: OAuthToken) => void): void {
  const settle = (provided: ProvidedToken | string): void => {
    const { token, extensions } = typeof provided === 'string' ? { token: provided } : provided
    deliver({ kind: 'oauthToken', id, token, ...(extensions && { extensions }) })
  }
  const fail = (error: unknown): void => {
    const message = error instanceof Error ? error.message : String(error)
    deliver({ kind: 'oauthToken', id, token: null, error: message })
  }
  // Also what throws at once must not reach the actor that asks.
  Promise.resolve().then(provider).then(settle).catch(fail)
}

function unsecured(options: ReadonlyMap<string, string>): ProvidedToken {
  const now = Math.floor(Date.now() / 1000)
  const seconds = Number(options.get('unsecuredLoginLifetimeSeconds') ?? LIFETIME_SECONDS)
  const claims: Record<string, unknown> = { iat: now, exp: now + seconds }
  const extensions: Record<string, string> = {}
  for (const [name, value] of options) {
    if (name.startsWith(CLAIM)) claims[name.slice(CLAIM.length)] = value
    else if (name.startsWith(NUMBER)) claims[name.slice(NUMBER.length)] = Number(value)
    else if (name.startsWith(EXTENSION)) extensions[name.slice(EXTENSION.length)] = value
  }
  if (claims[options.get('unsecuredLoginPrincipalClaimName') ?? 'sub'] === undefined)
    throw new Error('OAUTHBEARER: neither a token provider, sasl.oauthbearer.token.endpoint.url nor unsecured claims')
  return { token: `${encoded({ alg: 'none' })}.${encoded(claims)}.`, extensions }
}

const encoded = (part: object): string => Buffer.from(JSON.stringify(part)).toString('base64url')

async function retrieve(endpoint: string, options: ReadonlyMap<string, string>): Promise<ProvidedToken> {
  const credentials = Buffer.from(`${options.get('clientId') ?? ''}:${options.get('clientSecret') ?? ''}`)
  const scope = options.get('scope')
  const response = await fetch(endpoint, {
    method: 'POST',
    headers: { authorization: `Basic ${credentials.toString('base64')}`, accept: 'application/json' },
    body: new URLSearchParams({ grant_type: 'client_credentials', ...(scope !== undefined && { scope }) }),
  })
  if (!response.ok) throw new Error(`the token endpoint answers ${response.status}`)
  const { access_token: token } = (await response.json()) as { readonly access_token?: string }
  if (typeof token !== 'string' || token === '') throw new Error('the token endpoint gives no access_token')
  return { token }
}
