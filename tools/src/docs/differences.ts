/** Where answers differ from Apache Kafka's: the list against which the side-by-side suite is run. */
import { knownDifferences } from '../../../test/side-by-side/known-differences.ts'

export function renderDifferences(): string {
  const places = new Map<string, Set<string>>()
  for (const { scenario, step, path, reason } of knownDifferences) {
    const told = places.get(reason) ?? new Set()
    places.set(reason, told.add(placeOf(scenario, step, path)))
  }
  const rows = [...places].map(([reason, told]) => `| ${[...told].join('; ')} | ${asCell(reason)} |`)
  return ['| asked | difference |', '| --- | --- |', ...rows].join('\n')
}

/** `*` at the ends stands for anything: it says nothing to a reader. */
function placeOf(scenario: string, step: string, path: string): string {
  const [asked, field] = [step, path].map((pattern) => pattern.replace(/^\*\.?|\*$/g, '').trim())
  return asCell([scenario, asked && `*${asked}*`, field && `\`${field}\``].filter(Boolean).join(', '))
}

function asCell(text: string): string {
  return text.replaceAll('|', '\\|')
}
