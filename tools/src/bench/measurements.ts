/**
 * One function for each row of the table: sets up what it needs on a running target, measures, returns figures.
 */
import { compileJava, runJava, startJava, type JavaResult } from '../reference/java.ts'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { BenchFailed, type Target } from './target.ts'

/** Figures by row name. The unit is a part of the name. */
export type Figures = Record<string, number>

export interface Scale {
  /** Seconds of each timed part. */
  readonly seconds: number
  /** Records of a throughput run of 100 B; a tenth of it at 1 KiB. */
  readonly records: number
}

let topics = 0

export class Bench {
  readonly #target: Target
  readonly #java: string
  readonly #scale: Scale

  constructor(target: Target, classpath: string, scale: Scale) {
    this.#target = target
    this.#java = compileJava(join(import.meta.dirname, 'java'), classpath)
    this.#scale = scale
  }

  async all(): Promise<Figures> {
    const { brokers } = this.#target
    const figures: Figures = {
      'start ms': this.#target.startMs,
      'resident memory idle MiB': this.#target.residentBytes() / 2 ** 20,
    }
    Object.assign(figures, await this.throughput(100, this.#scale.records))
    Object.assign(figures, await this.throughput(1024, this.#scale.records / 5))
    Object.assign(figures, await this.replay())
    Object.assign(figures, await this.latency())
    Object.assign(figures, await this.transactions(1))
    Object.assign(figures, await this.transactions(100))
    figures['resident memory after load MiB'] = this.#target.residentBytes() / 2 ** 20
    if (brokers === 3) Object.assign(figures, await this.stall())
    return figures
  }

  async throughput(size: number, records: number): Promise<Figures> {
    const topic = await this.#topic(6)
    // A first run warms both JVMs, Node's compiler and the page cache.
    await this.#produce(topic, records / 5, size, -1)
    const cpuBefore = this.#target.cpuSeconds()
    const { recordsPerSecond } = await this.#produce(topic, records, size, -1)
    const cpu = this.#target.cpuSeconds() - cpuBefore
    const consumed = await this.#run('org.apache.kafka.tools.ConsumerPerformance', [
      '--bootstrap-server',
      this.#target.bootstrap,
      '--topic',
      topic,
      '--num-records',
      String(records),
      '--hide-header',
      '--timeout',
      '60000',
    ])
    // start, end, MB, MB/s, records, records/s, rebalance ms, fetch ms, fetch MB/s, fetch records/s
    const columns = lastLine(consumed.stdout)
      .split(',')
      .map((column) => Number(column.trim()))
    return {
      [`produce ${size} B records/s`]: recordsPerSecond,
      [`produce ${size} B MB/s`]: (recordsPerSecond * size) / 1e6,
      [`produce ${size} B broker CPU µs/record`]: (cpu * 1e6) / records,
      [`consume ${size} B records/s`]: columns[9]!,
      [`consume ${size} B MB/s`]: (columns[9]! * size) / 1e6,
    }
  }

  /** Pre-encoded frames of 160 records of 100 B: what the broker can take when the client costs nothing. */
  async replay(): Promise<Figures> {
    const topic = await this.#topic(1)
    const leader = await this.#leaderAddress(topic)
    const once = (seconds: number) =>
      new Promise<number>((resolve, reject) => {
        const worker = new Worker(new URL('./replay-worker.ts', import.meta.url), {
          workerData: { ...leader, topic, partition: 0, recordBytes: 100, recordsPerBatch: 160, inFlight: 5, seconds },
        })
        worker.once('message', resolve).once('error', reject)
      })
    await once(this.#scale.seconds / 2)
    const cpuBefore = this.#target.cpuSeconds()
    const rate = await once(this.#scale.seconds)
    return {
      'replayed frames 100 B records/s': rate,
      'replayed frames broker CPU µs/record':
        ((this.#target.cpuSeconds() - cpuBefore) * 1e6) / (rate * this.#scale.seconds),
    }
  }

  async latency(): Promise<Figures> {
    const topic = await this.#topic(6)
    const rate = 2000
    await this.#produce(topic, rate * 5, 100, rate)
    const acks = await this.#produce(topic, rate * this.#scale.seconds, 100, rate)
    const single = await this.#topic(1)
    const messages = 2000
    const endToEnd = await this.#run('org.apache.kafka.tools.EndToEndLatency', [
      '--bootstrap-server',
      this.#target.bootstrap,
      '--topic',
      single,
      '--num-records',
      String(messages),
      '--producer-acks',
      'all',
      '--record-size',
      '100',
    ])
    const percentile = (name: string): number => {
      const match = new RegExp(`${name.replace('.', '\\.')}th = (\\d+)|Percentiles:.*`).exec(endToEnd.stdout)
      return match?.[1] === undefined ? NaN : Number(match[1])
    }
    const line = /50th = ([\d.]+), 99th = ([\d.]+), 99\.9th = ([\d.]+)/.exec(endToEnd.stdout)
    return {
      'ack p50 ms': acks.p50,
      'ack p99 ms': acks.p99,
      'ack p99.9 ms': acks.p999,
      'end-to-end p50 ms': line ? Number(line[1]) : percentile('50'),
      'end-to-end p99 ms': line ? Number(line[2]) : percentile('99'),
      'end-to-end p99.9 ms': line ? Number(line[3]) : percentile('99.9'),
    }
  }

  async transactions(records: number): Promise<Figures> {
    const topic = await this.#topic(6)
    const { stdout } = await this.#run('TransactionLoop', [
      this.#target.bootstrap,
      topic,
      String(records),
      String(this.#scale.seconds),
      `bench-${topic}`,
    ])
    return { [`transactions/s of ${records} records`]: Number(lastLine(stdout)) }
  }

  async stall(): Promise<Figures> {
    const topic = await this.#topic(1)
    const leader = await this.#leader(topic)
    const seconds = 25
    const child = startJava(this.#java, 'SteadyProducer', [this.#target.bootstrap, topic, '200', String(seconds)])
    let out = ''
    child.stdout.setEncoding('utf8').on('data', (text) => (out += text))
    child.stderr.resume()
    const ended = new Promise((resolve) => child.once('close', resolve))
    await new Promise<void>((resolve) => child.stdout.on('data', () => out.includes('steady') && resolve()))
    await this.#target.crash(leader)
    await ended
    return { 'stall after a broker is killed ms': Number(lastLine(out).split(' ')[0]) }
  }

  async #topic(partitions: number): Promise<string> {
    const topic = `bench-${++topics}`
    const { brokers, bootstrap } = this.#target
    await this.#run('org.apache.kafka.tools.TopicCommand', [
      '--bootstrap-server',
      bootstrap,
      '--create',
      '--topic',
      topic,
      '--partitions',
      String(partitions),
      '--replication-factor',
      String(brokers),
      '--config',
      `min.insync.replicas=${brokers === 3 ? 2 : 1}`,
    ])
    return topic
  }

  async #leader(topic: string): Promise<number> {
    const { stdout } = await this.#run('org.apache.kafka.tools.TopicCommand', [
      '--bootstrap-server',
      this.#target.bootstrap,
      '--describe',
      '--topic',
      topic,
    ])
    return Number(/Leader: (\d+)/.exec(stdout)![1])
  }

  async #leaderAddress(topic: string): Promise<{ host: string; port: number }> {
    const [host, port] = this.#target.bootstrap.split(',')[(await this.#leader(topic)) - 1]!.split(':') as [
      string,
      string,
    ]
    return { host, port: Number(port) }
  }

  async #produce(topic: string, records: number, size: number, throughput: number) {
    const { stdout } = await this.#run('org.apache.kafka.tools.ProducerPerformance', [
      '--topic',
      topic,
      '--num-records',
      String(Math.round(records)),
      '--record-size',
      String(size),
      '--throughput',
      String(throughput),
      '--command-property',
      `bootstrap.servers=${this.#target.bootstrap}`,
      'acks=all',
    ])
    const numbers =
      /([\d.]+) records\/sec .* ([\d.]+) ms 50th, ([\d.]+) ms 95th, ([\d.]+) ms 99th, ([\d.]+) ms 99\.9th/.exec(
        lastLine(stdout),
      )
    if (!numbers) throw new BenchFailed(`ProducerPerformance said: ${stdout}`)
    return {
      recordsPerSecond: Number(numbers[1]),
      p50: Number(numbers[2]),
      p99: Number(numbers[4]),
      p999: Number(numbers[5]),
    }
  }

  async #run(mainClass: string, args: string[]): Promise<JavaResult> {
    const result = await runJava(this.#java, mainClass, args, undefined, benchJava)
    if (result.status !== 0)
      throw new BenchFailed(`${mainClass} ended with ${result.status}: ${result.stdout}${result.stderr}`)
    return result
  }
}

/** The client needs its full compiler: with the small options of the tests it would be what is measured. */
const benchJava = ['-XX:+UseSerialGC', '-Xmx1g']

function lastLine(text: string): string {
  return text.trim().split('\n').at(-1) ?? ''
}
