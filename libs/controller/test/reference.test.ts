/** Apache Kafka's own tool reads the metadata log and the snapshots that a cluster of ours has written. */
import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { startApacheKafka } from '../../../tools/src/reference/apache-kafka.ts'
import { kafkaClasspath } from '../../../tools/src/reference/maven.ts'
import { createTopics, topic } from './requests.ts'
import { CLUSTER_ID, directoryIdOf, Simulation } from './simulation.ts'

const classpath = kafkaClasspath()
const directory = mkdtempSync(join(tmpdir(), 'troupe-controller-'))
afterAll(() => rmSync(directory, { recursive: true, force: true }))

/** A cluster's life with every kind of record in it; returns the directory of one member's metadata log. */
function lived(): { path: string; names: string[]; epoch: number; endOffset: number } {
  const simulation = new Simulation({
    brokers: 3,
    seed: 11,
    config: { 'metadata.log.max.record.bytes.between.snapshots': '4000' },
  })
  for (const id of simulation.nodes.keys()) simulation.start(id)
  simulation.runUntil(() => simulation.allRunning(), 2000)
  const ask = (api: string, body: object): any => {
    let answer: any
    simulation.request(1, api, body, (heard) => (answer = heard))
    simulation.runUntil(() => answer !== undefined, 3000, api)
    return answer
  }
  for (let i = 0; i < 20; i++) ask('CreateTopics', createTopics(topic(`topic-${i}`, 3, 3, [['retention.ms', '1000']])))
  ask('DeleteTopics', {
    topics: [{ name: 'topic-3', topicId: 'AAAAAAAAAAAAAAAAAAAAAA' }],
    topicNames: [],
    timeoutMs: 1000,
  })
  const [victim] = simulation.active()
  simulation.crash(victim!)
  simulation.runFor(500)
  simulation.start(victim!)
  simulation.runUntil(() => simulation.allRunning(), 3000)
  const { brokerEpoch } = simulation.nodes.get(1)!.broker!
  ask('AllocateProducerIds', { brokerId: 1, brokerEpoch })
  ask('IncrementalAlterConfigs', {
    resources: [
      {
        resourceType: 2,
        resourceName: 'topic-1',
        configs: [{ name: 'min.insync.replicas', configOperation: 0, value: '2' }],
      },
    ],
    validateOnly: false,
  })
  simulation.runFor(100)
  const node = simulation.nodes.get(victim! === 1 ? 2 : 1)!
  const path = join(directory, '__cluster_metadata-0')
  mkdirSync(path, { recursive: true })
  const names = node.files.list('/data/__cluster_metadata-0')
  for (const name of names) writeFileSync(join(path, name), node.files.readFile(`/data/__cluster_metadata-0/${name}`)!)
  return { path, names, epoch: node.controller!.raft.epoch, endOffset: node.controller!.raft.store.endOffset }
}

function dump(...files: string[]): string {
  const args = [
    '-cp',
    classpath as string,
    'org.apache.kafka.tools.DumpLogSegments',
    '--cluster-metadata-decoder',
    '--files',
    files.join(','),
  ]
  const { stdout, stderr, status } = spawnSync('java', args, { encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 })
  expect(status, stderr).toBe(0)
  return stdout
}

test.skipIf(typeof classpath !== 'string')(
  'DumpLogSegments decodes the metadata log and a snapshot',
  { timeout: 120_000 },
  () => {
    const { path, names, epoch, endOffset } = lived()
    const log = dump(join(path, '00000000000000000000.log'))
    expect(log).not.toMatch(/isvalid: false|[Cc]ould not|Error|corrupt|Found/)
    expect(log.match(/LeaderChange/g)!.length).toBeGreaterThan(1)
    for (const type of [
      'FEATURE_LEVEL_RECORD',
      'REGISTER_BROKER_RECORD',
      'BROKER_REGISTRATION_CHANGE_RECORD',
      'TOPIC_RECORD',
      'PARTITION_RECORD',
      'PARTITION_CHANGE_RECORD',
      'CONFIG_RECORD',
      'REMOVE_TOPIC_RECORD',
      'PRODUCER_IDS_RECORD',
      'CLEAR_ELR_RECORD',
    ])
      expect(log, type).toContain(`"type":"${type}"`)
    expect(log).toContain(`partitionLeaderEpoch: ${epoch} `)
    expect(log).toContain(`lastOffset: ${endOffset - 1} `)
    const checkpoints = names.filter((name) => name.endsWith('.checkpoint'))
    expect(checkpoints.length).toBeGreaterThan(0)
    const snapshot = dump(join(path, checkpoints.at(-1)!))
    expect(snapshot).not.toMatch(/isvalid: false|[Cc]ould not|Error|corrupt/)
    expect(snapshot).toContain('SnapshotHeader')
    expect(snapshot).toContain('SnapshotFooter')
    expect(snapshot).toContain('"name":"metadata.version","featureLevel":30')
  },
)

test.skipIf(typeof classpath !== 'string')(
  'Apache Kafka starts on our metadata log',
  { timeout: 120_000 },
  async () => {
    const simulation = new Simulation({ brokers: 1, seed: 5 })
    simulation.start(1)
    simulation.runUntil(() => simulation.allRunning(), 2000)
    let answer: unknown
    simulation.request(1, 'CreateTopics', createTopics(topic('orders', 3, 1)), (heard) => (answer = heard))
    simulation.runUntil(() => answer !== undefined, 1000)
    simulation.shutDown(1)
    simulation.runUntil(() => !simulation.isUp(1), 3000)
    const root = join(directory, 'kafka')
    const { files } = simulation.nodes.get(1)!
    mkdirSync(join(root, 'broker-1/__cluster_metadata-0'), { recursive: true })
    for (const name of files.list('/data/__cluster_metadata-0')) {
      const bytes = files.readFile(`/data/__cluster_metadata-0/${name}`)!
      writeFileSync(join(root, 'broker-1/__cluster_metadata-0', name), bytes)
    }
    const meta = ['version=1', `cluster.id=${CLUSTER_ID}`, 'node.id=1', `directory.id=${directoryIdOf(1)}`]
    writeFileSync(join(root, 'broker-1/meta.properties'), meta.join('\n'))
    const controllerPort = await freePort()
    const kafka = await startApacheKafka({
      classpath: classpath as string,
      nodes: 1,
      directory: root,
      formatted: true,
      heap: '512m',
      controllerPorts: [controllerPort],
      properties: {
        'controller.quorum.voters': `1@127.0.0.1:${controllerPort}`,
        'controller.quorum.bootstrap.servers': '',
      },
    })
    try {
      const args = ['--bootstrap-server', kafka.bootstrap, '--describe', '--topic', 'orders']
      const tool = ['-cp', classpath as string, 'org.apache.kafka.tools.TopicCommand', ...args]
      const { stdout } = spawnSync('java', tool, { encoding: 'utf8' })
      expect(stdout).toContain('PartitionCount: 3')
      expect(stdout.match(/Leader: 1/g)).toHaveLength(3)
    } finally {
      await kafka.stop()
    }
  },
)

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  return port
}
