/**
 * Who votes in the metadata quorum: an odd number of the first brokers, five at most; the others observe. Two brokers have
 * one voter, so that the second one's end stops nothing; more than five would only make every commit wait for more.
 *
 * The set is fixed when the cluster is first started (as Kafka's is, without KIP-853's changes of voters) and kept in the
 * file `quorum-voters` beside the brokers' directories: a majority of another set could elect a leader that lacks what was
 * committed. So a later `troupe.brokers` adds observers only, and must leave a majority of the voters.
 */
import { closeSync, existsSync, fsyncSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { brokerDirectory, InvalidSettings } from './settings.ts'

const mostVoters = 5

/** The largest odd number of brokers that is no larger than five, from the lowest id on. */
export function firstVoters(brokers: number): number[] {
  const count = Math.min(brokers % 2 === 1 ? brokers : brokers - 1, mostVoters)
  return Array.from({ length: count }, (_, index) => index + 1)
}

/** The voters of the cluster in this directory; of a new one, written down before any broker starts. */
export function quorumVoters(directory: string, brokers: number): number[] {
  const file = join(directory, 'quorum-voters')
  const known = existsSync(file) ? parseVoters(file) : votersOfOlderDirectory(directory)
  const voters = known ?? firstVoters(brokers)
  const present = voters.filter((id) => id <= brokers).length
  const needed = Math.floor(voters.length / 2) + 1
  if (present < needed) {
    throw new InvalidSettings(
      `invalid value ${brokers} for property troupe.brokers: the metadata in ${directory} belongs to the voters ` +
        `${voters.join(', ')}, allowed is at least ${voters.toSorted((a, b) => a - b)[needed - 1]}`,
    )
  }
  if (!existsSync(file)) writeVoters(file, voters)
  return voters
}

function parseVoters(file: string): number[] {
  const voters = readFileSync(file, 'utf8').trim().split(',').map(Number)
  if (voters.every((id) => Number.isInteger(id) && id >= 1) && new Set(voters).size === voters.length) return voters
  throw new InvalidSettings(`${file} does not hold the ids of the voters, like 1,2,3`)
}

/** Before there was this file, every broker was a voter. */
function votersOfOlderDirectory(directory: string): number[] | null {
  const voters: number[] = []
  while (existsSync(join(brokerDirectory(directory, voters.length + 1), 'meta.properties'))) {
    voters.push(voters.length + 1)
  }
  return voters.length === 0 ? null : voters
}

/** Whole or not at all, also when the power fails. */
function writeVoters(file: string, voters: readonly number[]): void {
  const descriptor = openSync(`${file}.tmp`, 'w')
  try {
    writeSync(descriptor, `${voters.join(',')}\n`)
    fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
  renameSync(`${file}.tmp`, file)
}
