/**
 * What the log holds, against what was sent: inconsistent-offsets, duplicate, lost-write, unseen, G1a (a read of what
 * was aborted), precommitted-read, and unwritten-read.
 */
import { at, named, type Analysis, type Cases } from './cases.ts'
import { cleanedKeys, type HistoryOptions } from './options.ts'

export function checkContents(all: Analysis, options: HistoryOptions, cases: Cases): void {
  checkOffsets(all, cases)
  checkReads(all, cases)
  checkLoss(all, cleanedKeys(all.keys, options), cases)
}

function checkOffsets(all: Analysis, cases: Cases): void {
  const { orders, keys, values, firstIndex, lastIndex } = all
  orders.forEach((order, key) => {
    order.values.forEach((found, index) => {
      if (found.length < 2) return
      cases.add('inconsistent-offsets', () => ({
        detail: `offset ${order.offsets[index]!} of ${keys[key]!} holds ${found.map((v) => values.name[v]!).join(' and ')}`,
        key: keys[key]!,
        operations: found.map((value) => values.writer[value]!).flatMap((n) => (n < 0 ? [] : [at(all, n)])),
      }))
    })
  })
  for (let value = 0; value < values.name.length; value++) {
    if (firstIndex[value] === lastIndex[value]) continue
    cases.add('duplicate', () => {
      const order = orders[values.key[value]!]!
      const offsets = order.offsets.filter((_, index) => order.values[index]!.includes(value))
      return {
        detail: `${named(all, value)} is at offsets ${offsets.join(', ')}`,
        key: keys[values.key[value]!]!,
        operations: writerOf(all, value),
      }
    })
  }
}

function checkReads(all: Analysis, cases: Cases): void {
  const { operations, values, reads, keys } = all
  for (let n = 0; n < operations.length; n++) {
    const { type } = operations[n]!
    for (let i = reads.start[n]!; i < reads.start[n + 1]!; i++) {
      const value = reads.value[i]!
      const writer = values.writer[value]!
      const found = (name: string, what: string) =>
        cases.add(name, () => ({
          detail: `${named(all, value)} was polled, ${what}`,
          key: keys[values.key[value]!]!,
          operations: [...writerOf(all, value), at(all, n)],
        }))
      if (writer === -1) found('unwritten-read', 'which nobody sent')
      else if (writer === n) found('precommitted-read', 'by the operation that sent it')
      else if (type === 'ok' && operations[writer]!.type === 'fail') found('G1a', 'whose send failed')
    }
  }
}

/**
 * A value stands below something that was polled and was itself never polled: lost. One that was acknowledged and was
 * never polled at all: unseen. Only what must have been committed counts.
 */
function checkLoss(all: Analysis, cleaned: Uint8Array, cases: Cases): void {
  const { operations, values, keys, orders, lastIndex, polledOk, committed } = all
  const bound = highestPolled(all)
  for (let value = 0; value < values.name.length; value++) {
    const key = values.key[value]!
    const writer = values.writer[value]!
    if (polledOk[value] === 1 || writer === -1 || committed[writer] === 0 || cleaned[key] === 1) continue
    const describe = (detail: string) => () => ({
      detail: `${named(all, value)} ${detail}`,
      key: keys[key]!,
      operations: writerOf(all, value),
    })
    if (lastIndex[value]! >= 0 && lastIndex[value]! <= bound[key]!) {
      const { offsets } = orders[key]!
      const where = `offset ${offsets[lastIndex[value]!]!}`
      cases.add('lost-write', describe(`is at ${where}, never polled, though ${offsets[bound[key]!]!} was`))
    }
    if (operations[writer]!.type === 'ok') cases.add('unseen', describe('was acknowledged and never polled'))
  }
}

/** Per key, the largest index that certainly was polled; -1 for none. */
export function highestPolled({ keys, values, polledOk, firstIndex }: Analysis): Int32Array {
  const bound = new Int32Array(keys.length).fill(-1)
  for (let value = 0; value < values.name.length; value++) {
    const key = values.key[value]!
    if (polledOk[value] === 1 && firstIndex[value]! > bound[key]!) bound[key] = firstIndex[value]!
  }
  return bound
}

function writerOf(all: Analysis, value: number): readonly number[] {
  const writer = all.values.writer[value]!
  return writer === -1 ? [] : [at(all, writer)]
}
