/**
 * SASL: a connection that is open and has agreed on versions shows who this client is before anything else goes over
 * it, and again before its session ends. Source: KIP-43, KIP-152, KIP-255, KIP-368; `SaslClientAuthenticator`.
 *
 * A refusal is told to everybody who waits for this broker, with the broker's own words: trying again will not help
 * whoever has the wrong password, but the next request tries.
 */
import { KafkaError, errorName } from '@troupe/wire/errors'
import type { SaslAuthenticateResponse, SaslHandshakeResponse } from '@troupe/wire/messages'
import type { OAuthToken } from '../messages.ts'
import { becomeReady, refuse, sendOwn } from './links.ts'
import { ScramRefused, continueScram, startScram } from './sasl/scram.ts'
import { utf8 } from './sasl/bytes.ts'
import type { Credentials } from './sasl/credentials.ts'
import { linkEdges, NEVER, type Link, type Step } from './state.ts'

const HANDSHAKE = 17
const AUTHENTICATE = 36
/** Of the session's lifetime: when to authenticate again. */
const EARLIEST_RENEWAL = 0.85
const RENEWAL_SPREAD = 0.1

/** Nothing else is sent before it ends; answers to what was sent before still come. */
export function authenticate(step: Step, link: Link): void {
  const { credentials } = step.state
  if (credentials === null) return becomeReady(step, link)
  link.phase = linkEdges(link.phase, 'authenticating')
  link.authentication = { step: 'handshake', token: -1, scram: null }
  link.reauthenticateAt = NEVER
  sendOwn(step, link, 'handshake', HANDSHAKE, { mechanism: credentials.mechanism }, 1)
}

function fails(step: Step, link: Link, detail: string, error: number = KafkaError.SASL_AUTHENTICATION_FAILED): void {
  refuse(step, link, error, detail)
}

export function onHandshake(step: Step, link: Link, { errorCode, mechanisms }: SaslHandshakeResponse): void {
  const credentials = step.state.credentials!
  if (errorCode === KafkaError.UNSUPPORTED_SASL_MECHANISM) {
    const detail = `SASL mechanism ${credentials.mechanism} is not enabled in the broker, which has ${mechanisms.join(', ')}`
    return fails(step, link, detail, errorCode)
  }
  if (errorCode !== KafkaError.NONE) return fails(step, link, `SaslHandshake: ${errorName(errorCode)}`, errorCode)
  if (credentials.mechanism === 'OAUTHBEARER') return askForToken(step, link)
  begin(step, link, credentials)
}

function begin(step: Step, link: Link, { mechanism, username, password, isToken }: Credentials): void {
  if (mechanism === 'PLAIN') return say(step, link, utf8(`\0${username}\0${password}`))
  const { crypto } = step.env
  if (crypto === undefined) return fails(step, link, `${mechanism} needs cryptography that this client was not given`)
  const hash = mechanism === 'SCRAM-SHA-256' ? 'sha256' : 'sha512'
  const { state, message } = startScram(hash, { username, password, isToken }, crypto.nonce())
  link.authentication!.scram = state
  say(step, link, message)
}

function say(step: Step, link: Link, authBytes: Uint8Array): void {
  link.authentication!.step = 'exchange'
  sendOwn(step, link, 'authenticate', AUTHENTICATE, { authBytes })
}

export function onAuthenticated(step: Step, link: Link, response: SaslAuthenticateResponse): void {
  const { errorCode, errorMessage, authBytes, sessionLifetimeMs } = response
  if (errorCode !== KafkaError.NONE) {
    return fails(step, link, errorMessage ?? `SaslAuthenticate: ${errorName(errorCode)}`, errorCode)
  }
  const { scram, step: at } = link.authentication!
  if (at === 'refused') return fails(step, link, 'the broker has refused the token')
  if (scram !== null) {
    try {
      const next = continueScram(scram, step.env.crypto!, authBytes)
      if (next !== null) return say(step, link, next)
    } catch (error) {
      if (!(error instanceof ScramRefused)) throw error
      return fails(step, link, `SCRAM: ${error.message}`)
    }
  } else if (authBytes.length > 0) {
    // OAUTHBEARER: the broker says why in JSON, and wants one more byte before it refuses (RFC 7628).
    link.authentication!.step = 'refused'
    return sendOwn(step, link, 'authenticate', AUTHENTICATE, { authBytes: Uint8Array.of(1) })
  }
  link.authentication = null
  if (sessionLifetimeMs > 0) {
    const share = EARLIEST_RENEWAL + (RENEWAL_SPREAD * step.env.random()) / 0x1_0000_0000
    link.reauthenticateAt = step.env.now + Math.floor(sessionLifetimeMs * share)
  }
  becomeReady(step, link)
}

// --- OAUTHBEARER: tokens come from outside

function askForToken(step: Step, link: Link): void {
  const { state, env } = step
  const { tokens } = env
  if (tokens === undefined) return fails(step, link, 'OAUTHBEARER needs a provider of tokens')
  const authentication = link.authentication!
  authentication.step = 'token'
  authentication.token = state.nextToken++
  link.setupAt = env.now + state.config['request.timeout.ms']
  tokens.request(authentication.token)
}

/** One for a link that is gone, or that has given up waiting, is of no use. */
export function onToken(step: Step, { id, token, extensions = {}, error }: OAuthToken): void {
  for (const link of step.state.links.values()) {
    if (link.phase !== 'authenticating' || link.authentication?.token !== id) continue
    if (link.authentication.step !== 'token') return
    if (token === null) return fails(step, link, `no token: ${error ?? 'the provider has none'}`)
    const fields = Object.entries(extensions).map(([name, value]) => `${name}=${value}\u0001`)
    return say(step, link, utf8(`n,,\u0001auth=Bearer ${token}\u0001${fields.join('')}\u0001`))
  }
}
