/**
 * Finds the guards of the protocols: every comparison, and every look-up in an ISR, that names an epoch, a generation,
 * a sequence, the ISR, the high watermark, the last stable offset or an incarnation. Found by syntax, so that nobody
 * has to remember to list them.
 *
 * After the CHECK comments of TLA-V, and mutation testing's "replace the condition by true, and by false".
 */
import { parseAst } from 'rolldown/parseAst'
import type { SourceFile } from '../repository.ts'

export interface Guard {
  /** Position in the list of all guards. */
  readonly id: number
  readonly file: string
  /** From 1 on. */
  readonly line: number
  /** In UTF-16 units from the start of the file. */
  readonly start: number
  readonly end: number
  /** On one line. */
  readonly text: string
}

interface Node {
  readonly type: string
  readonly start: number
  readonly end: number
  readonly [field: string]: unknown
}

const comparisons = new Set(['===', '!==', '==', '!=', '<', '<=', '>', '>='])
const lookUps = new Set(['includes', 'has', 'some', 'every'])
const words = /[eE]poch|[gG]eneration|[sS]equence|^isr(?![a-z])|Isr|[hH]ighWatermark|[lL]astStable|[iI]ncarnation/
const constant = /^[A-Z0-9_]+$/

/** Fields that hold types or notes, which do not run. */
const notCode = new Set(['typeAnnotation', 'typeArguments', 'typeParameters', 'returnType', 'superTypeArguments'])

export function findGuards({ path, text }: SourceFile, firstId = 0): Guard[] {
  const guards: Guard[] = []
  let assertedUntil = -1
  visit(parseAst(text, { lang: 'ts' }) as unknown as Node, (node) => {
    if (isAssertion(node)) assertedUntil = (node.test as Node).end
    if (!isGuard(node) || node.start < assertedUntil) return
    const { start, end } = node
    const line = text.slice(0, start).split('\n').length
    guards.push({ id: firstId + guards.length, file: path, line, start, end, text: shown(text.slice(start, end)) })
  })
  return guards
}

/** Guards of many files, numbered through. */
export function findAllGuards(files: readonly SourceFile[]): Guard[] {
  const guards: Guard[] = []
  for (const file of files) guards.push(...findGuards(file, guards.length))
  return guards
}

/** `if (…) throw …`, `if (…) broken(…)`: it says what cannot be, and decides nothing. */
function isAssertion(node: Node): boolean {
  if (node.type !== 'IfStatement') return false
  const { type, expression } = node.consequent as Node & { readonly expression?: Node }
  return (
    type === 'ThrowStatement' ||
    (expression?.type === 'CallExpression' && nameOf(expression.callee as Node) === 'broken')
  )
}

function isGuard(node: Node): boolean {
  if (node.type === 'BinaryExpression') return comparisons.has(node.operator as string) && mentions(node)
  if (node.type !== 'CallExpression') return false
  const callee = node.callee as Node
  if (callee.type !== 'MemberExpression' || callee.computed === true) return false
  return lookUps.has(nameOf(callee.property as Node) ?? '') && namesIsr(callee.object as Node)
}

/** `state.isr`, `proposal.newIsr`, `maximalIsr(state)`. */
function namesIsr(node: Node): boolean {
  if (node.type === 'MemberExpression') return namesIsr(node.property as Node)
  if (node.type === 'CallExpression') return namesIsr(node.callee as Node)
  return /^isr(?![a-z])|Isr/.test(nameOf(node) ?? '')
}

/** Error codes and other constants are no mention: `error === FENCED_LEADER_EPOCH` compares an answer. */
function mentions(node: Node): boolean {
  let found = false
  visit(node, (inner) => {
    const name = nameOf(inner)
    if (name !== null && words.test(name) && !constant.test(name)) found = true
  })
  return found
}

function nameOf({ type, name }: Node): string | null {
  return type === 'Identifier' || type === 'PrivateIdentifier' ? (name as string) : null
}

function visit(node: Node, see: (node: Node) => void): void {
  see(node)
  for (const [field, value] of Object.entries(node)) {
    if (notCode.has(field)) continue
    for (const child of Array.isArray(value) ? value : [value]) if (isNode(child)) visit(child, see)
  }
}

function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && typeof (value as Partial<Node>).type === 'string'
}

function shown(text: string): string {
  return text.replace(/\s*\/\/[^\n]*\n/g, ' ').replace(/\s+/g, ' ')
}
