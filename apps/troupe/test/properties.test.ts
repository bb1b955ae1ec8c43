/** Java's properties format, and the environment variables of Kafka's container image. */
import { expect, it } from 'vitest'
import { environmentProperties, parseProperties } from '../src/properties.ts'

it('reads what Java reads', () => {
  const text = [
    '# a comment',
    '  ! another',
    '',
    'plain=value',
    'spaced   =   value with spaces  ',
    'colon: yes',
    'blank separated',
    'no.value',
    'empty=',
    'url=PLAINTEXT://:9092',
    'equals=a=b',
    'continued=one,\\',
    '    two,\\',
    '  three',
    'escaped\\ key\\==a\\tb\\u0041\\\\',
    'even\\\\=not continued\\\\',
    'twice=1',
    'twice=2',
    '#not a continuation\\',
    'after=comment',
    'last=line\\',
  ].join('\r\n')
  expect(Object.fromEntries(parseProperties(text))).toEqual({
    plain: 'value',
    spaced: 'value with spaces  ',
    colon: 'yes',
    blank: 'separated',
    'no.value': '',
    empty: '',
    url: 'PLAINTEXT://:9092',
    equals: 'a=b',
    continued: 'one,two,three',
    'escaped key=': 'a\tbA\\',
    'even\\': 'not continued\\',
    twice: '2',
    after: 'comment',
    last: 'line',
  })
})

it('reads the environment form of the container image, and leaves alone what is none of ours', () => {
  const known = new Set(['log.dirs', 'num.partitions', 'troupe.brokers', 'odd_name-x'])
  const environment = {
    KAFKA_LOG_DIRS: '/data',
    KAFKA_NUM_PARTITIONS: '6',
    KAFKA_ODD__NAME___X: 'odd',
    KAFKA_HEAP_OPTS: '-Xmx1g',
    TROUPE_BROKERS: '5',
    PATH: '/bin',
  }
  expect(Object.fromEntries(environmentProperties(environment, (name) => known.has(name)))).toEqual({
    'log.dirs': '/data',
    'num.partitions': '6',
    'odd_name-x': 'odd',
    'troupe.brokers': '5',
  })
})
