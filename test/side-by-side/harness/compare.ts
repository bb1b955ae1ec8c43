/** The differences between two playings of one scenario, and which of them are known. */
import type { Step } from './session.ts'

export interface Difference {
  readonly scenario: string
  readonly step: string
  readonly path: string
  readonly kafka: unknown
  readonly troupe: unknown
}

export function compareSteps(scenario: string, kafka: readonly Step[], troupe: readonly Step[]): Difference[] {
  const ours = new Map(troupe.map((step) => [step.label, step.outcome]))
  const theirs = new Set(kafka.map((step) => step.label))
  const differences: Difference[] = []
  for (const { label, outcome } of kafka) {
    const report = (path: string, left: unknown, right: unknown): void => {
      differences.push({ scenario, step: label, path, kafka: left, troupe: right })
    }
    if (ours.has(label)) compareValues(outcome, ours.get(label), '', report)
    else report('', outcome, 'no such step')
  }
  for (const { label, outcome } of troupe) {
    if (!theirs.has(label))
      differences.push({ scenario, step: label, path: '', kafka: 'no such step', troupe: outcome })
  }
  return differences
}

function compareValues(
  left: unknown,
  right: unknown,
  path: string,
  report: (path: string, left: unknown, right: unknown) => void,
): void {
  if (Object.is(left, right)) return
  if (Array.isArray(left) && Array.isArray(right)) return compareLists(left, right, path, report)
  if (!isObject(left) || !isObject(right)) return report(path, left, right)
  for (const name of new Set([...Object.keys(left), ...Object.keys(right)])) {
    compareValues(left[name], right[name], path === '' ? name : `${path}.${name}`, report)
  }
}

function compareLists(
  left: readonly unknown[],
  right: readonly unknown[],
  path: string,
  report: (path: string, left: unknown, right: unknown) => void,
): void {
  const named = [...left, ...right].every((item) => isObject(item) && typeof item.name === 'string')
  if (named) {
    const byName = (items: readonly unknown[]) => new Map(items.map((item) => [(item as { name: string }).name, item]))
    const lefts = byName(left)
    const rights = byName(right)
    if (lefts.size === left.length && rights.size === right.length) {
      for (const name of new Set([...lefts.keys(), ...rights.keys()])) {
        compareValues(lefts.get(name), rights.get(name), `${path}[${name}]`, report)
      }
      return
    }
  }
  for (let index = 0; index < Math.max(left.length, right.length); index++)
    compareValues(left[index], right[index], `${path}[${index}]`, report)
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** A difference that we keep on purpose. Each text is exact or, where it holds `*`, a pattern. */
export interface KnownDifference {
  readonly scenario: string
  readonly step: string
  readonly path: string
  readonly reason: string
}

export function matches(known: KnownDifference, difference: Difference): boolean {
  return (
    pattern(known.scenario).test(difference.scenario) &&
    pattern(known.step).test(difference.step) &&
    pattern(known.path).test(difference.path)
  )
}

function pattern(text: string): RegExp {
  return new RegExp(
    `^${text
      .split('*')
      .map((part) => part.replace(/[.+?^${}()|[\]\\]/g, '\\$&'))
      .join('.*')}$`,
    's',
  )
}

export function describeDifference(difference: Difference): string {
  const text = (value: unknown): string => {
    const json = JSON.stringify(value) ?? 'absent'
    return json.length > 600 ? `${json.slice(0, 600)}…` : json
  }
  const { scenario, step, path, kafka, troupe } = difference
  return `${scenario} / ${step}${path ? ` / ${path}` : ''}\n    Apache Kafka: ${text(kafka)}\n    Troupe:       ${text(troupe)}`
}
