/** How a client node gets its connections. The default is `tcpConnector`; an embedded cluster brings its own. */
import type { ClientTransport, TransportMessage } from '../transport.ts'

/**
 * Makes the transport of one client node. `deliver` is never called from within `connect`, `send` or `close`, and not
 * after `close()`, which ends all connections.
 */
export type Connector = (deliver: (message: TransportMessage) => void) => ClientTransport & { close(): void }
