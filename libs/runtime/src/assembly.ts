/**
 * The ports of a broker's actors in production: where the protocols meet the disk and the sockets.
 */
import '@troupe/wire/native.node'
import type { ListenerView } from '@troupe/actor'
import { brokerActors, epochOfLife, rootActors } from '@troupe/broker/actors'
import { Traffic } from '@troupe/broker/traffic'
import { MetadataImage } from '@troupe/controller/image'
import { FileQuorumStore } from '@troupe/controller/store/file-quorum-store'
import { LogDirectory } from '@troupe/log/log-directory'
import { NodeFileSystem } from '@troupe/log/node-file-system.node'
import type { BrokerAssembly, BrokerContext } from './broker-assembly.ts'
import { countGroups, describeBroker, describeTraffic } from './describe.ts'
import { newUuid } from './new-uuid.ts'

/** What is smaller is compacted within milliseconds, in steps, where it is. */
const offloadBytes = 8 * 1024 * 1024

/** `FileSystem`: tests bring one that fails. */
export function assemble(context: BrokerContext, FileSystem = NodeFileSystem): BrokerAssembly {
  const { broker, config, boot } = context
  const fs = new FileSystem(context.sync)
  const identity = { clusterId: boot.clusterId, nodeId: broker, directoryId: newUuid() }
  const logs = LogDirectory.open(fs, boot.directory, identity)
  const image = new MetadataImage(boot.clusterId)
  const listeners: ListenerView[] = context.advertised.map(({ name, host, port }) => ({
    name,
    host,
    port,
    securityProtocol: 0,
  }))
  const traffic = new Traffic()
  const kinds = brokerActors({
    config,
    image,
    logs,
    listeners,
    incarnationId: boot.incarnationId,
    voters: boot.voters,
    openQuorum: () => openQuorum(fs, context, logs.directoryId),
    transport: context.transport,
    traffic,
    offloadBytes,
    onFrontRestart: () => context.closeConnections('the front has restarted'),
  })
  return {
    kinds,
    roots: rootActors.map((kind) => ({ name: kind, kind, args: null })),
    describe: () => describeBroker(broker, image, logs),
    traffic: () => describeTraffic(traffic),
    groupStates: (inspect) => countGroups(image, inspect),
    // KIP-966: the next registration names this epoch, which proves that nothing was lost meanwhile.
    closeCleanly: () => logs.closeCleanly(epochOfLife({ image, incarnationId: boot.incarnationId }, broker)),
  }
}

/** Opened anew for each life of the controller, which closes it. */
function openQuorum(fs: NodeFileSystem, { config, boot }: BrokerContext, directoryId: string): FileQuorumStore {
  return new FileQuorumStore(fs, {
    path: boot.directory,
    clusterId: boot.clusterId,
    directoryId,
    segmentBytes: config['metadata.log.segment.bytes'],
  })
}
