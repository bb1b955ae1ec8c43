/** What the brokers are started with: defaults for one host, ports, directories, refusals. */
import { describe, expect, it } from 'vitest'
import { InvalidSettings, resolveSettings } from '../src/settings.ts'

const resolve = (properties: Record<string, string>) => resolveSettings(new Map(Object.entries(properties)))

function refusal(properties: Record<string, string>): string {
  try {
    resolve(properties)
  } catch (error) {
    if (error instanceof InvalidSettings) return error.message
    throw error
  }
  return ''
}

describe('settings', () => {
  it('are right for one host when nothing is said', () => {
    const settings = resolve({})
    expect(settings.brokers).toBe(3)
    expect([1, 2, 3].map((broker) => settings.listeners(broker)[0])).toEqual(
      [9092, 9093, 9094].map((port) => ({ name: 'PLAINTEXT', host: '127.0.0.1', port })),
    )
    const config = settings.config(2)
    expect(config['node.id']).toBe(2)
    expect(config['log.dirs']).toEqual([`${settings.directory}/broker-2`])
    expect(config['offsets.topic.replication.factor']).toBe(3)
    expect(config['transaction.state.log.min.isr']).toBe(2)
    expect(config['group.initial.rebalance.delay.ms']).toBe(0)
    expect(settings.warnings).toEqual([])
  })

  it('make internal topics possible with fewer brokers, unless they are set', () => {
    const one = resolve({ 'troupe.brokers': '1' }).config(1)
    expect(one['offsets.topic.replication.factor']).toBe(1)
    expect(one['transaction.state.log.replication.factor']).toBe(1)
    expect(one['transaction.state.log.min.isr']).toBe(1)
    const explicit = resolve({ 'troupe.brokers': '1', 'offsets.topic.replication.factor': '2' }).config(1)
    expect(explicit['offsets.topic.replication.factor']).toBe(2)
  })

  it('keep the order of the listeners and what is advertised of them', () => {
    const settings = resolve({
      listeners: 'PLAINTEXT://0.0.0.0:0,INSIDE://127.0.0.1:7000,CONTROLLER://:9093',
      'advertised.listeners': 'INSIDE://db.example:8000,PLAINTEXT://broker.example:0',
      'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT,INSIDE:PLAINTEXT,CONTROLLER:PLAINTEXT',
      'controller.listener.names': 'CONTROLLER',
    })
    expect(settings.listeners(3)).toEqual([
      { name: 'PLAINTEXT', host: '0.0.0.0', port: 0 },
      { name: 'INSIDE', host: '127.0.0.1', port: 7002 },
    ])
    expect(settings.advertised(3)).toEqual([
      { name: 'PLAINTEXT', host: 'broker.example', port: 0 },
      { name: 'INSIDE', host: 'db.example', port: 8002 },
    ])
    expect(settings.warnings).toEqual([expect.stringContaining('CONTROLLER://:9093 is not opened')])
  })

  it('name the property, the value and what is allowed', () => {
    expect(refusal({ 'num.partitions': 'many' })).toMatch(/many.*num\.partitions.*allowed/)
    expect(refusal({ 'troupe.brokers': '0' })).toMatch(/0.*troupe\.brokers.*\[1/)
    expect(refusal({ 'troupe.watchdog.ms': 'x' })).toMatch(/x.*troupe\.watchdog\.ms.*allowed/)
    expect(refusal({ listeners: 'nonsense' })).toMatch(/nonsense.*listeners.*NAME:\/\/host:port/)
    expect(refusal({ listeners: 'SSL://127.0.0.1:9092' })).toMatch(/SSL.*allowed is PLAINTEXT/)
    expect(refusal({ listeners: 'A://:1,A://:9', 'listener.security.protocol.map': 'A:PLAINTEXT' })).toMatch(/twice/)
    expect(
      refusal({ listeners: 'A://:9092,B://:9093', 'listener.security.protocol.map': 'A:PLAINTEXT,B:PLAINTEXT' }),
    ).toMatch(/need port 9093/)
    expect(refusal({ 'advertised.listeners': 'PLAINTEXT://0.0.0.0:9092' })).toMatch(/advertised\.listeners.*can reach/)
  })

  it('warn of names that nobody knows', () => {
    expect(resolve({ 'num.partition': '3' }).warnings).toEqual([expect.stringContaining('num.partition')])
  })
})
