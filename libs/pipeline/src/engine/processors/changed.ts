/** A table's change as it goes from node to node. */
import type { Flow } from '../context.ts'

export function changed({ key, headers }: Flow, newValue: unknown, oldValue: unknown, timestamp: number): Flow {
  return { key, value: { newValue, oldValue }, timestamp, headers }
}
