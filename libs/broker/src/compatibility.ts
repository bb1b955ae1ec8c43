/**
 * The generated part of COMPATIBILITY.md: what is there of Kafka 4.3's protocol, in which versions, and what is left out
 * on purpose. Made from the handlers themselves, so it cannot say anything else than ApiVersions does.
 */
import { apis, type ApiSpec } from '@troupe/wire/apis'
import { handlers, highestVersion } from './handlers.ts'

export const BEGIN = '<!-- generated: apis -->'
export const END = '<!-- end of generated part -->'

export function renderCompatibility(): string {
  const there = [...handlers.values()].map((handler) => ({ handler, spec: apis.get(handler.key)! }))
  const rows = there.map(({ handler, spec }) => {
    const { key, minVersion } = handler
    const own = range(minVersion, highestVersion(handler, false))
    return `| ${key} | ${spec.name} | ${own} | ${kafkaRange(spec)} | ${handler.gaps.length === 0 ? '–' : 'see below'} |`
  })
  const gaps = there
    .filter(({ handler }) => handler.gaps.length > 0)
    .flatMap(({ handler, spec }) => [`**${spec.name}**`, '', ...handler.gaps.map((gap) => `- ${gap}`), ''])
  const missing = [...apis.values()]
    .filter(({ key, listeners }) => listeners.includes('broker') && !handlers.has(key))
    .map(({ key, name }) => `${name} (${key})`)
  return [
    BEGIN,
    '## APIs',
    '',
    '| key | API | versions here | versions in Kafka 4.3 | differences |',
    '| --- | --- | --- | --- | --- |',
    ...rows,
    '',
    'ApiVersions lists Produce from version 0 on, as Kafka does for the sake of old librdkafka; 0 to 2 are refused.',
    'Versions that Kafka marks unstable are there with `unstable.api.versions.enable=true` only.',
    '',
    '### Deliberate differences, by API',
    '',
    ...gaps,
    '### APIs of Kafka 4.3 brokers that are not there',
    '',
    `${missing.join(', ')}.`,
    '',
    'They are not advertised, and a request for one ends the connection, as for any unknown API.',
    END,
    '',
  ].join('\n')
}

function kafkaRange({ minVersion, maxVersion, latestVersionUnstable }: ApiSpec): string {
  if (!latestVersionUnstable) return range(minVersion, maxVersion)
  return `${range(minVersion, maxVersion - 1)} (${maxVersion} unstable)`
}

function range(low: number, high: number): string {
  return low === high ? String(low) : `${low}–${high}`
}

/** The document with its generated part made anew; what stands around it stays. */
export function withGeneratedPart(document: string): string {
  const begin = document.indexOf(BEGIN)
  const end = document.indexOf(END)
  if (begin < 0 || end < begin) return `${document.trimEnd()}\n\n${renderCompatibility()}`
  return document.slice(0, begin) + renderCompatibility() + document.slice(end + END.length).replace(/^\n/, '')
}
