/** One client of a simulated cluster: the client library's actors and an application that uses them. */
import type { ClientTransport } from '@troupe/client/transport'
import type { Host, HostedKind } from '../kernel/host.ts'
import type { Network } from './network.ts'

export interface ClientRoot {
  readonly name: string
  readonly kind: string
  readonly args: unknown
}

export class ClientProcess {
  readonly host: Host
  private readonly network: Network

  constructor(host: Host, network: Network) {
    this.host = host
    this.network = network
  }

  boot(kinds: ReadonlyMap<string, HostedKind>, roots: readonly ClientRoot[]): void {
    this.host.begin(kinds)
    for (const { name, kind, args } of roots) this.host.spawn(name, kind, args)
    this.host.drain()
  }

  transport(): ClientTransport {
    const { network, host } = this
    return {
      connect: (name) => network.connect(host, Number(name.replace('broker-', ''))),
      send: (id, frame) => {
        const connection = network.connections.get(id)
        if (connection !== undefined) network.sendRequest(connection, frame)
      },
      close: (id) => {
        const connection = network.connections.get(id)
        if (connection !== undefined) network.closeByClient(connection)
      },
    }
  }
}
