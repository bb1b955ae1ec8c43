/** The examples of docs/pipelines.md, as far as they need no brokers. */
import { int64, json, string } from '@troupe/client/serdes'
import { expect, test } from 'vitest'
import { pipeline } from '../../src/dsl/pipeline.ts'
import { TestDriver } from '../../src/engine/test-driver.ts'
import { within } from '../../src/windows.ts'

interface User {
  readonly city: string
  readonly age: number
}

interface Order {
  readonly item: string
}

const user = json<User>()
const order = json<Order>()

test('tables - a row that changes leaves its old group', () => {
  const app = pipeline('app', (p) => {
    const users = p.table('users', { key: string, value: user, store: 'users' })
    const perCity = users
      .groupBy((_id, { city, age }) => [city, { city, age }], { key: string, value: user })
      .aggregate(
        () => 0,
        (_city, { age }, sum) => sum + age,
        (_city, { age }, sum) => sum - age,
        { value: int64 },
      )
    perCity.toStream().to('ages')
  })
  const driver = new TestDriver(app)
  driver.pipe({ topic: 'users', key: 'ada', value: { city: 'Rome', age: 30 }, timestamp: 1 })
  driver.pipe({ topic: 'users', key: 'ben', value: { city: 'Rome', age: 40 }, timestamp: 2 })
  driver.pipe({ topic: 'users', key: 'ada', value: { city: 'Oslo', age: 31 }, timestamp: 3 })
  driver.pipe({ topic: 'users', key: 'ben', value: null, timestamp: 4 })
  const ages = driver.read('ages', { key: string, value: int64 }).map(({ key, value }) => `${key} ${value}`)
  expect(ages).toEqual(['Rome 30', 'Rome 70', 'Rome 40', 'Oslo 31', 'Rome 0'])
})

test('joins - with the row as it is now, and with partners at most a minute apart', () => {
  const app = pipeline('app', (p) => {
    const users = p.table('users', { key: string, value: user })
    const orders = p.stream('orders', { key: string, value: order })
    const payments = p.stream('payments', { key: string, value: int64 })
    const pair = (left: Order | null, right: number | null): string => `${left?.item ?? '-'} ${right ?? '-'}`
    orders
      .leftJoin(users, ({ item }, who) => `${item} ${who?.city ?? '?'}`)
      .to('addressed', { key: string, value: string })
    const options = { key: string, value: order, otherValue: int64 }
    orders
      .outerJoin(payments, pair, within(60_000, { graceMs: 5_000 }), options)
      .to('paid', { key: string, value: string })
  })
  const driver = new TestDriver(app)
  const text = { key: string, value: string }
  driver.pipe({ topic: 'orders', key: 'ada', value: { item: 'tea' }, timestamp: 0 })
  driver.pipe({ topic: 'users', key: 'ada', value: { city: 'Rome', age: 30 }, timestamp: 1 })
  driver.pipe({ topic: 'orders', key: 'ada', value: { item: 'cake' }, timestamp: 30_000 })
  expect(driver.read('addressed', text).map(({ value }) => value)).toEqual(['tea ?', 'cake Rome'])
  driver.pipe({ topic: 'payments', key: 'ada', value: 5, timestamp: 70_000 })
  driver.pipe({ topic: 'payments', key: 'ben', value: 6, timestamp: 70_000 })
  driver.pipe({ topic: 'orders', key: 'cleo', value: { item: 'jam' }, timestamp: 200_000 })
  expect(driver.read('paid', text).map(({ value }) => value)).toEqual(['tea -', 'cake 5', '- 6'])
})
