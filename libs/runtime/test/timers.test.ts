/** The heap of timers. */
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { TimerHeap, type Timer } from '@troupe/actor/host/timers'

it('timer heap: fires by time, then by order of setting, whatever was removed', () => {
  const action = fc.oneof(
    fc.record({ add: fc.integer({ min: 0, max: 50 }) }),
    fc.record({ remove: fc.nat(100) }),
    fc.record({ until: fc.integer({ min: 0, max: 50 }) }),
  )
  fc.assert(
    fc.property(fc.array(action, { maxLength: 200 }), (actions) => {
      const heap = new TimerHeap()
      const model: { timer: Timer; at: number; order: number }[] = []
      let order = 0
      for (const step of actions) {
        if ('add' in step) model.push({ timer: heap.add(step.add, () => {}), at: step.add, order: order++ })
        else if ('remove' in step && model.length > 0) {
          const [removed] = model.splice(step.remove % model.length, 1)
          heap.remove(removed!.timer)
        } else if ('until' in step) {
          model.sort((a, b) => a.at - b.at || a.order - b.order)
          for (let due = heap.takeDue(step.until); due !== null; due = heap.takeDue(step.until)) {
            expect(due).toBe(model.shift()!.timer)
          }
          expect(model[0] === undefined || model[0].at > step.until).toBe(true)
        }
        expect(heap.size).toBe(model.length)
      }
    }),
  )
})
