/** Member ids are `<client id or group.instance.id>-<random uuid>`, as people see them in member lists. */
import type { CoordinatorEnv } from '@troupe/coordinator'

export function newMemberId(prefix: string, env: CoordinatorEnv): string {
  const hex = (value: number): string => value.toString(16).padStart(8, '0')
  const a = hex(env.random())
  const b = hex(((env.random() & 0xffff0fff) | 0x4000) >>> 0)
  const c = hex(((env.random() & 0x3fffffff) | 0x80000000) >>> 0)
  const d = hex(env.random())
  return `${prefix}-${a}-${b.slice(0, 4)}-${b.slice(4)}-${c.slice(0, 4)}-${c.slice(4)}${d}`
}
