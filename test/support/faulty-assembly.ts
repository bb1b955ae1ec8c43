/**
 * The real actors on the real disk, with faults that a test plants from outside:
 *
 *   a record or a group that is named `throws-once-…` makes its replica or its coordinator throw the first time it is met
 *   while there is a file `disk-is-full` in a broker's directory, nothing can be written there
 */
import { existsSync } from 'node:fs'
import type { Message } from '@troupe/actor'
import { StorageError, type FileHandle } from '@troupe/log/file-system'
import { NodeFileSystem } from '@troupe/log/node-file-system.node'
import type { ActorKind } from '@troupe/actor/host/actor-host'
import { assemble as assembleReal } from '@troupe/runtime/assembly'
import type { BrokerAssembly, BrokerContext } from '@troupe/runtime/broker-assembly'

const met = new Set<string>()

function throwOnce(message: Message): void {
  const { records } = message as { records?: unknown }
  const text = records instanceof Uint8Array ? Buffer.from(records).toString('latin1') : JSON.stringify(message)
  const [found] = /throws-once-\w+/.exec(text) ?? []
  if (found === undefined || met.has(found)) return
  met.add(found)
  throw new TypeError(found)
}

function withFaults(kind: ActorKind, isFaulty: (message: Message) => boolean): ActorKind {
  const { definition } = kind
  return {
    ...kind,
    definition: {
      ...definition,
      step(state, message, env, out) {
        if (isFaulty(message)) throwOnce(message)
        definition.step(state, message, env, out)
      },
    },
  }
}

/** Full for whoever writes, like a disk: what is there can be read. */
class FullFileSystem extends NodeFileSystem {
  static mark = ''

  override open(path: string, options?: { mustExist?: boolean }): FileHandle {
    const handle = super.open(path, options)
    const append = handle.append.bind(handle)
    handle.append = (buffers) => {
      if (existsSync(FullFileSystem.mark)) throw new StorageError('ENOSPC', path, 'no space left on device')
      append(buffers)
    }
    return handle
  }
}

export function assemble(context: BrokerContext): BrokerAssembly {
  FullFileSystem.mark = `${context.boot.directory}/disk-is-full`
  const real = assembleReal(context, FullFileSystem)
  const kinds = new Map(real.kinds)
  kinds.set(
    'replica',
    withFaults(real.kinds.get('replica')!, ({ kind }) => kind === 'produce'),
  )
  for (const kind of ['groups', 'transactions']) {
    kinds.set(
      kind,
      withFaults(real.kinds.get(kind)!, ({ replyTo }) => replyTo !== undefined),
    )
  }
  return { ...real, kinds }
}
