/** What a clean stop may say of the life that it ends (KIP-966). */
import { expect, test } from 'vitest'
import { epochOfLife } from '../src/actors.ts'

const imageWith = (incarnationId: string) => ({ brokers: new Map([[1, { incarnationId, epoch: 42 }]]) })
const given = (image: object) => ({ image, incarnationId: 'this life' }) as Parameters<typeof epochOfLife>[0]

test('a life that has registered names its epoch, an earlier one is not named', () => {
  expect(epochOfLife(given(imageWith('this life')), 1)).toBe(42)
  expect(epochOfLife(given(imageWith('an earlier life')), 1)).toBeUndefined()
  expect(epochOfLife(given({ brokers: new Map() }), 1)).toBeUndefined()
})
