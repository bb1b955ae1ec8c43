/** Pipelines that the tests of `simulate` run. */
import { int64, string } from '@troupe/client/serdes'
import { pipeline } from '@troupe/pipeline/dsl/pipeline'
import type { Draw, Inputs, Scenario } from '../../src/pipeline/scenario.ts'

const words = ['to', 'be', 'or', 'not', 'that', 'is']

function lines(draw: Draw): Inputs {
  const line = (): string => Array.from({ length: 1 + draw.below(4) }, () => draw.pick(words)).join(' ')
  return { lines: Array.from({ length: 40 }, (_, index) => ({ key: `line-${index}`, value: line() })) }
}

export const wordCount: Scenario = {
  pipeline: pipeline('word-count', (p) => {
    p.stream('lines', { key: string, value: string })
      .flatMap((_key, line) => line.split(' ').map((word) => [word, word] as const))
      .groupByKey({ key: string, value: string })
      .count({ store: 'counts', key: string, value: int64 })
      .toStream()
      .to('word-counts', { key: string, value: int64 })
  }),
  inputs: lines,
}

export const upperCase: Scenario = {
  pipeline: pipeline('upper-case', (p) => {
    p.stream('lines', { key: string, value: string })
      .mapValues((line) => line.toUpperCase())
      .to('loud', { key: string, value: string })
  }),
  inputs: lines,
}
