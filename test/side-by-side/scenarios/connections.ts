/**
 * What a connection may and may not carry. Whatever happens to it, another connection goes on being answered.
 */
import { Writer } from '@troupe/wire/io'
import { encodeRequestHeader } from '@troupe/wire/messages'
import { Connection, requestFrame, withLength } from '../harness/connection.ts'
import { scenario, type Scenario, type Session } from '../harness/session.ts'

const quietMs = 400

/** Sends bytes on a connection of its own; notes what came, and that a neighbour is still served. */
async function outcomeOf(
  s: Session,
  label: string,
  bytes: readonly Uint8Array[],
  options: { halfClose?: boolean; answers?: number; timeoutMs?: number } = {},
): Promise<void> {
  const { host, port } = s.target.addresses.get(1)!
  const connection = await Connection.open(host, port)
  for (const part of bytes) connection.write(part)
  if (options.halfClose) connection.halfClose()
  const came: unknown[] = []
  for (let index = 0; index < (options.answers ?? 1); index++) {
    const frame = await connection.next(options.timeoutMs ?? 5_000)
    came.push(frame.kind === 'frame' ? Buffer.from(frame.bytes).subarray(0, 6).toString('hex') : frame.kind)
  }
  connection.close()
  const neighbour = await s.do('ApiVersions', 3, software)
  s.note(label, { came, neighbourServed: neighbour.errorCode === 0 })
}

const software = { clientSoftwareName: 'side-by-side', clientSoftwareVersion: '1' }

function header(
  apiKey: number,
  version: number,
  headerVersion: number,
  body: Uint8Array = new Uint8Array(0),
): Uint8Array {
  const writer = new Writer()
  writer.int32(0)
  encodeRequestHeader(
    writer,
    { requestApiKey: apiKey, requestApiVersion: version, correlationId: 77, clientId: 'raw' },
    headerVersion,
  )
  writer.raw(body)
  return withLength(writer)
}

function length(value: number, ...rest: number[]): Uint8Array {
  const bytes = new Uint8Array(4 + rest.length)
  new DataView(bytes.buffer).setInt32(0, value)
  bytes.set(rest, 4)
  return bytes
}

const metadata = requestFrame('Metadata', 12, { topics: [] }, 5, 'x')
const broken = (offset: number, value: number): Uint8Array => {
  const copy = metadata.slice()
  copy[offset] = value
  return copy
}

export const connections: Scenario[] = [
  scenario('connection: frames', async (s) => {
    await outcomeOf(s, 'length 0', [length(0)])
    await outcomeOf(s, 'length -1', [length(-1)])
    await outcomeOf(s, 'length of the smallest int', [length(-2147483648)])
    await outcomeOf(s, 'longer than socket.request.max.bytes', [length(104857601)])
    await outcomeOf(s, 'an HTTP request', [new TextEncoder().encode('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n')])
    await outcomeOf(
      s,
      'a TLS hello',
      [Uint8Array.of(0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00, 0x01, 0xfc, 0x03, 0x03)],
      { halfClose: true },
    )
    await outcomeOf(s, 'half a length, then the end', [Uint8Array.of(0, 0)], { halfClose: true })
    await outcomeOf(s, 'a truncated frame, then the end', [metadata.subarray(0, metadata.length - 2)], {
      halfClose: true,
    })
    await outcomeOf(s, 'a truncated frame, then nothing', [metadata.subarray(0, metadata.length - 2)], {
      timeoutMs: quietMs,
    })
    await outcomeOf(s, 'the end at once', [], { halfClose: true })
    await outcomeOf(
      s,
      'a frame in single bytes',
      [...requestFrame('ApiVersions', 0, {}, 9, 'x')].map((byte) => Uint8Array.of(byte)),
    )
    await outcomeOf(s, 'a request, then the end', [requestFrame('ApiVersions', 0, {}, 9, 'x')], {
      halfClose: true,
      answers: 2,
    })
  }),
  scenario('connection: headers', async (s) => {
    await outcomeOf(s, 'unknown key 999', [header(999, 0, 1)])
    await outcomeOf(s, 'unknown key -1', [header(-1, 0, 1)])
    await outcomeOf(s, 'removed key 4', [header(4, 0, 1)])
    await outcomeOf(s, 'controller key 52 (Vote)', [requestFrame('Vote', 2, { topics: [] }, 5, 'x')])
    await outcomeOf(s, 'controller key 62 (BrokerRegistration)', [requestFrame('BrokerRegistration', 4, {}, 5, 'x')])
    for (const [key, version] of [
      [0, 2],
      [0, 14],
      [0, -1],
      [1, 3],
      [1, 18],
      [3, 14],
      [3, 99],
      [8, 1],
      [8, 11],
      [11, 1],
      [19, 1],
      [22, 7],
      [26, 6],
      [60, 9],
      [18, 99],
    ] as const) {
      await outcomeOf(s, `key ${key} at version ${version}`, [
        header(key, version, version >= 9 ? 2 : 1, new Uint8Array(40)),
      ])
    }
    await outcomeOf(s, 'header of 3 bytes', [length(3, 0, 3, 0)])
    await outcomeOf(s, 'header of 8 bytes', [length(8, 0, 3, 0, 12, 0, 0, 0, 1)])
    await outcomeOf(s, 'client id longer than the frame', [broken(13, 100)])
    await outcomeOf(s, 'client id of negative length', [broken(12, 0xff)])
    await outcomeOf(s, 'null client id', [requestFrame('ApiVersions', 3, software, 5, null)])
  }),
  scenario('connection: bodies', async (s) => {
    await outcomeOf(s, 'no body where one belongs', [header(3, 12, 2)])
    await outcomeOf(s, 'Metadata v1 with an array of 2^31 - 1', [
      header(3, 1, 1, Uint8Array.of(0x7f, 0xff, 0xff, 0xff)),
    ])
    await outcomeOf(s, 'Metadata v1 with an array of -2', [header(3, 1, 1, Uint8Array.of(0xff, 0xff, 0xff, 0xfe))])
    await outcomeOf(s, 'Metadata v12 with a varint too long', [
      header(3, 12, 2, Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0xff, 0xff)),
    ])
    await outcomeOf(s, 'Heartbeat v0 with a null group', [
      header(12, 0, 1, Uint8Array.of(0xff, 0xff, 0, 0, 0, 0, 0, 0)),
    ])
    await outcomeOf(s, 'Heartbeat v0 with a group longer than the frame', [header(12, 0, 1, Uint8Array.of(0x40, 0, 1))])
    await outcomeOf(s, 'bytes after the body', [header(3, 1, 1, Uint8Array.of(0, 0, 0, 0, 9, 9, 9))])
    await outcomeOf(s, 'Produce v9 with garbage', [header(0, 9, 2, new Uint8Array(64).fill(0xab))])
    await outcomeOf(s, 'Fetch v12 with garbage', [header(1, 12, 2, new Uint8Array(64).fill(0xab))])
    await outcomeOf(s, 'ApiVersions v3 with garbage', [header(18, 3, 2, new Uint8Array(4).fill(0xab))])
    await outcomeOf(s, 'invalid UTF-8 in a group', [
      header(12, 0, 1, Uint8Array.of(0, 2, 0xff, 0xfe, 0, 0, 0, 0, 0, 0)),
    ])
    await outcomeOf(
      s,
      'a good request after a broken one',
      [header(3, 12, 2), requestFrame('ApiVersions', 0, {}, 9, 'x')],
      { answers: 2 },
    )
    await outcomeOf(
      s,
      'a broken request after a good one',
      [requestFrame('ApiVersions', 0, {}, 9, 'x'), header(3, 12, 2)],
      { answers: 2 },
    )
  }),
  scenario('connection: pipelining keeps the order', async (s) => {
    await s.topic('pipelined')
    const frames = [
      requestFrame(
        'Fetch',
        12,
        {
          replicaId: -1,
          maxWaitMs: 300,
          minBytes: 1,
          maxBytes: 1000,
          topics: [
            {
              topic: 'pipelined',
              partitions: [{ partition: 0, currentLeaderEpoch: -1, fetchOffset: 0, partitionMaxBytes: 1000 }],
            },
          ],
        },
        1,
        'x',
      ),
      requestFrame('ApiVersions', 0, {}, 2, 'x'),
      requestFrame('Metadata', 12, { topics: [] }, 3, 'x'),
      requestFrame('Heartbeat', 4, { groupId: 'nobody', generationId: 1, memberId: 'm' }, 4, 'x'),
      requestFrame('ApiVersions', 0, {}, 5, 'x'),
    ]
    const { host, port } = s.target.addresses.get(1)!
    const connection = await Connection.open(host, port)
    for (const frame of frames) connection.write(frame)
    const order: unknown[] = []
    for (let index = 0; index < frames.length; index++) {
      const frame = await connection.next(10_000)
      order.push(frame.kind === 'frame' ? new DataView(frame.bytes.buffer).getInt32(0) : frame.kind)
    }
    connection.close()
    s.note('correlation ids in order', order)
  }),
]
