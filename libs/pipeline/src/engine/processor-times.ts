/**
 * Times of processors on their way through the metadata of committed offsets.
 */
import type { Context } from './context.ts'

const minSuffix = ' min'

/** As it goes into the metadata. A minimum that is infinite is left out: nobody waits. */
export function processorTimes({ times, minTimes }: Context): ReadonlyMap<string, number> {
  const finite = [...minTimes].filter(([, time]) => time !== Infinity)
  return new Map([...times, ...finite.map(([name, time]) => [name + minSuffix, time] as const)])
}

/** Times only grow; a minimum is as the newest commit says, which is the one with the latest time. */
export function resumeProcessorTimes({ times, minTimes }: Context, committed: ReadonlyMap<string, number>): void {
  for (const [name, time] of committed) {
    if (name.endsWith(minSuffix) || time < (times.get(name) ?? -1)) continue
    times.set(name, time)
    minTimes.set(name, committed.get(name + minSuffix) ?? Infinity)
  }
}
