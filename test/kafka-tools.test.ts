/**
 * Kafka's own command-line tools, unmodified, from its 4.3.1 jars.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { runJava, startJava, type JavaResult } from '@troupe/tools/reference/java'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startChaos } from './support/chaos.ts'
import { Cluster, until } from '@troupe/tools/cluster'
import { javaClients } from './support/tools.ts'

const classpath = javaClients()
const java = String(classpath)

describe.skipIf(typeof classpath !== 'string')(
  `Kafka's tools${typeof classpath === 'string' ? '' : ` (skipped: ${classpath.skipped})`}`,
  () => {
    let cluster: Cluster
    let scratch: string
    beforeAll(async () => {
      cluster = await Cluster.start()
      scratch = mkdtempSync(join(tmpdir(), 'troupe-tools-'))
    })
    afterAll(async () => {
      await cluster?.stop()
      rmSync(scratch, { recursive: true, force: true })
    })

    const tool = async (mainClass: string, args: string[], input?: string): Promise<JavaResult> => {
      const result = await runJava(java, mainClass, ['--bootstrap-server', cluster.bootstrap, ...args], input)
      expect(
        result.status,
        `${mainClass} ${args.join(' ')}\n${result.stdout}${result.stderr}\n${cluster.log.slice(-2000)}`,
      ).toBe(0)
      return result
    }
    const topics = (...args: string[]) => tool('org.apache.kafka.tools.TopicCommand', args)
    const configs = (...args: string[]) => tool('kafka.admin.ConfigCommand', args)
    const groups = (...args: string[]) => tool('org.apache.kafka.tools.consumer.group.ConsumerGroupCommand', args)

    test('kafka-topics creates, lists, describes, enlarges and deletes', async () => {
      await topics(
        '--create',
        '--topic',
        'tools',
        '--partitions',
        '2',
        '--replication-factor',
        '3',
        '--config',
        'retention.ms=3600000',
      )
      expect((await topics('--list')).stdout.split('\n')).toContain('tools')
      await topics('--alter', '--topic', 'tools', '--partitions', '4')
      const { stdout } = await topics('--describe', '--topic', 'tools')
      expect(stdout).toMatch(/PartitionCount: 4\s+ReplicationFactor: 3\s+Configs: .*retention\.ms=3600000/)
      expect(stdout.match(/Leader: [123]/g)).toHaveLength(4)
      await topics('--delete', '--topic', 'tools')
      await until(
        async () => !(await topics('--list')).stdout.split('\n').includes('tools'),
        30_000,
        () => 'the topic is still there',
      )
    })

    test('kafka-topics shows the broker’s refusal of a bad replication factor', async () => {
      const result = await runJava(java, 'org.apache.kafka.tools.TopicCommand', [
        '--bootstrap-server',
        cluster.bootstrap,
        '--create',
        '--topic',
        'too-many',
        '--partitions',
        '1',
        '--replication-factor',
        '4',
      ])
      expect(result.status).not.toBe(0)
      expect(result.stdout + result.stderr).toContain('InvalidReplicationFactorException')
    })

    test('kafka-configs sets, describes and removes topic and broker properties', async () => {
      await topics('--create', '--topic', 'configured', '--partitions', '1')
      await configs(
        '--alter',
        '--entity-type',
        'topics',
        '--entity-name',
        'configured',
        '--add-config',
        'cleanup.policy=compact,max.message.bytes=2000000',
      )
      const set = (await configs('--describe', '--entity-type', 'topics', '--entity-name', 'configured')).stdout
      expect(set).toContain('cleanup.policy=compact')
      expect(set).toContain('DYNAMIC_TOPIC_CONFIG:max.message.bytes=2000000')
      await configs(
        '--alter',
        '--entity-type',
        'topics',
        '--entity-name',
        'configured',
        '--delete-config',
        'cleanup.policy',
      )
      expect(
        (await configs('--describe', '--entity-type', 'topics', '--entity-name', 'configured')).stdout,
      ).not.toContain('cleanup.policy')
      expect((await configs('--describe', '--entity-type', 'brokers', '--entity-name', '1', '--all')).stdout).toContain(
        'replica.lag.time.max.ms=30000',
      )
    })

    test('the console producer and consumer carry keys and values', async () => {
      await topics('--create', '--topic', 'console', '--partitions', '1')
      await tool(
        'org.apache.kafka.tools.ConsoleProducer',
        ['--topic', 'console', '--reader-property', 'parse.key=true', '--reader-property', 'key.separator=:'],
        'a:one\nb:two\n',
      )
      const { stdout } = await tool('org.apache.kafka.tools.consumer.ConsoleConsumer', [
        '--topic',
        'console',
        '--from-beginning',
        '--max-messages',
        '2',
        '--formatter-property',
        'print.key=true',
        '--group',
        'console-group',
      ])
      expect(stdout).toBe('a\tone\nb\ttwo\n')
    })

    test('kafka-consumer-groups lists, describes, resets and deletes', async () => {
      await topics('--create', '--topic', 'grouped', '--partitions', '1')
      await tool('org.apache.kafka.tools.ConsoleProducer', ['--topic', 'grouped'], '1\n2\n3\n')
      await tool('org.apache.kafka.tools.consumer.ConsoleConsumer', [
        '--topic',
        'grouped',
        '--from-beginning',
        '--max-messages',
        '3',
        '--group',
        'tools-group',
      ])
      expect((await groups('--list')).stdout.split('\n')).toContain('tools-group')
      expect((await groups('--describe', '--group', 'tools-group')).stdout).toMatch(
        /tools-group\s+grouped\s+0\s+3\s+3\s+0/,
      )
      expect((await groups('--describe', '--group', 'tools-group', '--state')).stdout).toContain('Empty')
      await groups('--reset-offsets', '--group', 'tools-group', '--topic', 'grouped', '--to-offset', '1', '--execute')
      expect((await groups('--describe', '--group', 'tools-group')).stdout).toMatch(/grouped\s+0\s+1\s+3\s+2/)
      await groups('--delete', '--group', 'tools-group')
      expect((await groups('--list')).stdout.split('\n')).not.toContain('tools-group')
    })

    test('kafka-get-offsets, kafka-delete-records, kafka-log-dirs, kafka-metadata-quorum, kafka-features', async () => {
      await topics('--create', '--topic', 'offsets', '--partitions', '1')
      await tool('org.apache.kafka.tools.ConsoleProducer', ['--topic', 'offsets'], 'x\ny\nz\n')
      expect((await tool('org.apache.kafka.tools.GetOffsetShell', ['--topic', 'offsets'])).stdout).toContain(
        'offsets:0:3',
      )
      const file = join(scratch, 'delete.json')
      writeFileSync(file, JSON.stringify({ version: 1, partitions: [{ topic: 'offsets', partition: 0, offset: 2 }] }))
      await tool('org.apache.kafka.tools.DeleteRecordsCommand', ['--offset-json-file', file])
      expect(
        (await tool('org.apache.kafka.tools.GetOffsetShell', ['--topic', 'offsets', '--time', 'earliest'])).stdout,
      ).toContain('offsets:0:2')
      expect(
        (await tool('org.apache.kafka.tools.LogDirsCommand', ['--describe', '--topic-list', 'offsets'])).stdout,
      ).toContain('offsets-0')
      expect((await tool('org.apache.kafka.tools.MetadataQuorumCommand', ['describe', '--status'])).stdout).toMatch(
        /LeaderId:\s+[123]/,
      )
      expect((await tool('org.apache.kafka.tools.FeatureCommand', ['describe'])).stdout).toMatch(
        /transaction\.version.*FinalizedVersionLevel: 2/,
      )
    })

    test('kafka-leader-election and kafka-reassign-partitions move partitions', async () => {
      await topics('--create', '--topic', 'moving', '--replica-assignment', '1:2')
      const plan = join(scratch, 'plan.json')
      writeFileSync(
        plan,
        JSON.stringify({ version: 1, partitions: [{ topic: 'moving', partition: 0, replicas: [3, 2] }] }),
      )
      await tool('org.apache.kafka.tools.reassign.ReassignPartitionsCommand', [
        '--reassignment-json-file',
        plan,
        '--execute',
      ])
      await until(
        async () => {
          const moved = (await cluster.status()).partitions.find((partition) => partition.topic === 'moving')!
          return moved.replicas.join() === '3,2' && moved.isr.length === 2
        },
        30_000,
        () => 'the reassignment did not end',
      )
      await tool('org.apache.kafka.tools.LeaderElectionCommand', [
        '--election-type',
        'preferred',
        '--topic',
        'moving',
        '--partition',
        '0',
      ])
      expect((await topics('--describe', '--topic', 'moving')).stdout).toMatch(/Leader: 3/)
    })

    test('kafka-transactions lists, describes and aborts a hanging transaction', async () => {
      await topics('--create', '--topic', 'hanging', '--partitions', '1')
      const open = startJava(java, 'OpenTransaction', [cluster.bootstrap, 'hanging', 'tools-transaction'])
      await new Promise((resolve) => open.stdout.once('data', resolve))
      const list = await tool('org.apache.kafka.tools.TransactionsCommand', ['list'])
      expect(list.stdout).toMatch(/tools-transaction\s+\d+\s+\d+\s+Ongoing/)
      const described = await tool('org.apache.kafka.tools.TransactionsCommand', [
        'describe',
        '--transactional-id',
        'tools-transaction',
      ])
      expect(described.stdout).toContain('hanging-0')
      const producers = await tool('org.apache.kafka.tools.TransactionsCommand', [
        'describe-producers',
        '--topic',
        'hanging',
        '--partition',
        '0',
      ])
      expect(producers.stdout).toMatch(/\d+\s+\d+\s+/)
      await tool('org.apache.kafka.tools.TransactionsCommand', [
        'abort',
        '--topic',
        'hanging',
        '--partition',
        '0',
        '--start-offset',
        '0',
      ])
      open.kill('SIGKILL')
      const read = await tool('org.apache.kafka.tools.GetOffsetShell', ['--topic', 'hanging'])
      expect(read.stdout).toContain('hanging:0:2')
    })

    test('VerifiableProducer and VerifiableConsumer agree while brokers crash', async () => {
      await topics(
        '--create',
        '--topic',
        'verifiable',
        '--partitions',
        '3',
        '--replication-factor',
        '3',
        '--config',
        'min.insync.replicas=2',
      )
      // By itself this tool sends without retries, and then may lose what was not acknowledged.
      const idempotent = join(scratch, 'producer.properties')
      writeFileSync(idempotent, 'retries=2147483647\nenable.idempotence=true\n')
      const chaos = startChaos(cluster)
      const count = 20_000
      const produced = await runJava(java, 'org.apache.kafka.tools.VerifiableProducer', [
        '--bootstrap-server',
        cluster.bootstrap,
        '--topic',
        'verifiable',
        '--max-messages',
        String(count),
        '--throughput',
        '2500',
        '--acks',
        '-1',
        '--command-config',
        idempotent,
      ])
      await chaos.stop()
      const acked = produced.stdout
        .split('\n')
        .filter((line) => line.includes('"producer_send_success"'))
        .map((line) => JSON.parse(line).value as string)
      expect(new Set(acked).size, produced.stderr.slice(-3000)).toBe(count)
      const consumed = await runJava(java, 'org.apache.kafka.tools.VerifiableConsumer', [
        '--bootstrap-server',
        cluster.bootstrap,
        '--topic',
        'verifiable',
        '--group-id',
        'verifiable',
        '--max-messages',
        String(count),
        '--reset-policy',
        'earliest',
        '--verbose',
      ])
      const read = consumed.stdout
        .split('\n')
        .filter((line) => line.includes('"record_data"'))
        .map((line) => JSON.parse(line).value as string)
      const seen = new Set(read)
      expect(acked.filter((value) => !seen.has(value))).toEqual([])
      expect(read.length - seen.size, 'duplicates').toBe(0)
    })
  },
)
