import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { InvalidSettings } from '../src/settings.ts'
import { firstVoters, quorumVoters } from '../src/voters.ts'

let directory: string
beforeEach(() => (directory = mkdtempSync(join(tmpdir(), 'troupe-voters-'))))
afterEach(() => rmSync(directory, { recursive: true }))

test('an odd number of the first brokers votes, five at most', () => {
  expect([1, 2, 3, 4, 5, 6, 7, 64].map((brokers) => firstVoters(brokers).length)).toEqual([1, 1, 3, 3, 5, 5, 5, 5])
  expect(firstVoters(4)).toEqual([1, 2, 3])
})

test('the voters of the first start stay, whatever number of brokers comes later', () => {
  expect(quorumVoters(directory, 2)).toEqual([1])
  expect(quorumVoters(directory, 5)).toEqual([1])
  expect(readFileSync(join(directory, 'quorum-voters'), 'utf8')).toBe('1\n')
})

test('fewer brokers than a majority of the voters are refused with the least number that will do', () => {
  expect(quorumVoters(directory, 5)).toEqual([1, 2, 3, 4, 5])
  expect(quorumVoters(directory, 3)).toEqual([1, 2, 3, 4, 5])
  expect(() => quorumVoters(directory, 2)).toThrow(InvalidSettings)
  expect(() => quorumVoters(directory, 2)).toThrow('allowed is at least 3')
})

test('a directory from before there was the file has all its brokers as voters', () => {
  for (const broker of [1, 2]) {
    mkdirSync(join(directory, `broker-${broker}`))
    writeFileSync(join(directory, `broker-${broker}`, 'meta.properties'), 'version=1\n')
  }
  expect(quorumVoters(directory, 3)).toEqual([1, 2])
  expect(quorumVoters(directory, 3)).toEqual([1, 2])
})

test('a file that says something else is refused', () => {
  writeFileSync(join(directory, 'quorum-voters'), '1,x\n')
  expect(() => quorumVoters(directory, 3)).toThrow(InvalidSettings)
})
