/**
 * The actors of a broker and the ports they get: the one place where the protocols meet the disk and the sockets.
 */
import '@troupe/wire/native.node'
import type { ListenerView } from '@troupe/actor'
import { front } from '@troupe/broker/front'
import { Traffic } from '@troupe/broker/traffic'
import { brokerActor } from '@troupe/controller/broker/actor'
import { controllerActor } from '@troupe/controller/controller-actor'
import { MetadataImage } from '@troupe/controller/image'
import { FileQuorumStore } from '@troupe/controller/store/file-quorum-store'
import { groupsActor } from '@troupe/groups'
import { LogDirectory } from '@troupe/log/log-directory'
import { NodeFileSystem } from '@troupe/log/node-file-system.node'
import { logManagerActor } from '@troupe/replication/log-manager'
import { replicaActor } from '@troupe/replication/replica'
import { producerIdsActor, transactionsActor } from '@troupe/transactions'
import type { ActorKind } from './actor-host.ts'
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
  const common = { cluster: image, config, logs }
  const traffic = new Traffic()
  let frontStarts = 0

  const kinds: Record<string, ActorKind> = {
    controller: {
      definition: controllerActor,
      ports: () => ({ quorum: openQuorum(fs, context, logs.directoryId), config, voters: boot.voters }),
    },
    broker: {
      definition: brokerActor,
      ports: () => ({ image, logs, config, listeners, incarnationId: boot.incarnationId }),
    },
    'log-manager': { definition: logManagerActor, ports: () => ({ logs, config, offloadBytes }) },
    'producer-ids': { definition: producerIdsActor, ports: () => common },
    replica: { definition: replicaActor, ports: () => common },
    groups: { definition: groupsActor, ports: () => common },
    transactions: { definition: transactionsActor, ports: () => common },
    front: {
      definition: front,
      ports: () => {
        // A front that starts again knows none of the connections.
        if (frontStarts++ > 0) context.closeConnections('the front has restarted')
        return { ...common, transport: context.transport, traffic }
      },
    },
  }
  const names = ['log-manager', 'controller', 'broker', 'producer-ids', 'front'] as const
  return {
    kinds: new Map(Object.entries(kinds)),
    roots: names.map((kind) => ({ name: kind, kind, args: null })),
    describe: () => describeBroker(broker, image, logs),
    traffic: () => describeTraffic(traffic),
    groupStates: (inspect) => countGroups(image, inspect),
    // KIP-966: the next registration names this epoch, which proves that nothing was lost meanwhile.
    closeCleanly: () => logs.closeCleanly(image.brokers.get(broker)?.epoch),
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
