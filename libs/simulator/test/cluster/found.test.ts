/**
 * Bugs of the broker that the simulator has found, each as the smallest run that showed it, drawn no more but written
 * down: options in `found/<name>.json`, shrunk while the bug was in. Whoever brings one back sees its run fail.
 *
 * (Each fix has a test of its own in its library; a run here shows what the bug did to a cluster.)
 */
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import type { ClusterOptions } from '../../src/cluster/options.ts'
import { Simulation } from '../../src/cluster/simulation.ts'

const found: readonly { readonly name: string; readonly seed: number; readonly story: string }[] = [
  {
    name: 'metadata-of-an-earlier-life',
    seed: 6,
    story:
      'a broker that has lost the end of its logs leads an epoch of its earlier life, and its followers cut theirs',
  },
  {
    name: 'clean-stop-before-recovery',
    seed: 1102,
    story: 'a stop right after a start marks logs as clean that nobody has checked since the power went',
  },
  {
    // Both guards of a clean stop have to be taken away to bring this one back.
    name: 'clean-stop-before-registration',
    seed: 2,
    story: 'a stop before the registration names the epoch of an earlier life, which had lost records',
  },
  {
    name: 'retry-after-restart',
    seed: 2222,
    story: 'a leader that starts again knows one batch per producer; retries of the others are written twice',
  },
]

function optionsOf(name: string): ClusterOptions {
  return JSON.parse(readFileSync(new URL(`found/${name}.json`, import.meta.url), 'utf8')) as ClusterOptions
}

describe('found by the simulator', () => {
  test.each(found)('$name (seed $seed): $story', ({ name }) => {
    expect(new Simulation(optionsOf(name)).run().violations).toEqual([])
  })
})
