/**
 * Plays scenarios by hand and prints what the clusters answered, for whoever writes one:
 *   node test/side-by-side/play.ts [--kafka host:port | --kafka start] [--troupe host:port | --troupe start] [name part]…
 */
import { kafkaClasspath } from '@troupe/tools/reference/maven'
import { compareSteps, describeDifference, type Difference } from './harness/compare.ts'
import { playScenario } from './harness/play.ts'
import { addressesOf, startKafka, startTroupe, type Running } from './harness/targets.ts'
import { scenarios } from './scenarios/index.ts'

const args = process.argv.slice(2)
function option(name: string): string | undefined {
  const at = args.indexOf(name)
  return at < 0 ? undefined : args.splice(at, 2)[1]
}

/** The same difference at several versions is said once. */
function condensed(differences: readonly Difference[]): string[] {
  const versions = new Map<string, string[]>()
  for (const difference of differences) {
    const version = / v(\d+)(?= #\d+$|$)/.exec(difference.step)?.[1] ?? ''
    const text = describeDifference({ ...difference, step: difference.step.replace(/ v(\d+)(?= #\d+$|$)/, '') })
    versions.set(text, [...(versions.get(text) ?? []), version])
  }
  return [...versions].map(([text, list]) => `${text}\n    versions ${list.join(' ')}`)
}

async function given(name: 'Apache Kafka' | 'Troupe', value: string | undefined): Promise<Running | undefined> {
  if (value === undefined) return undefined
  if (value !== 'start') return { target: { name, addresses: addressesOf(value) }, stop: async () => undefined }
  return name === 'Troupe' ? startTroupe(1) : startKafka(String(kafkaClasspath()), 1)
}

const kafka = await given('Apache Kafka', option('--kafka'))
const troupe = await given('Troupe', option('--troupe'))
for (const each of scenarios.filter(({ name }) => args.length === 0 || args.some((part) => name.includes(part)))) {
  const began = performance.now()
  const [theirs, ours] = await Promise.all(
    [kafka, troupe].map((running) => running && playScenario(each, running.target)),
  )
  if (theirs && ours) {
    const differences = compareSteps(each.name, theirs, ours)
    console.log(
      `== ${each.name}: ${theirs.length} steps, ${differences.length} differences, ${Math.round(performance.now() - began)} ms`,
    )
    for (const text of condensed(differences)) console.log(text)
    continue
  }
  console.log(`== ${each.name} (${Math.round(performance.now() - began)} ms)`)
  for (const { label, outcome, tookMs = 0 } of (theirs ?? ours)!)
    console.log(`${label}${tookMs > 1000 ? ` [${tookMs} ms]` : ''}\n    ${JSON.stringify(outcome)}`)
}
await Promise.all([kafka?.stop(), troupe?.stop()])
