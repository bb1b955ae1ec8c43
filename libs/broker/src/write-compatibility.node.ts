/** Writes the generated part of COMPATIBILITY.md anew: `node libs/broker/src/write-compatibility.node.ts`. */
import { readFileSync, writeFileSync } from 'node:fs'
import { withGeneratedPart } from './compatibility.ts'

const file = new URL('../../../COMPATIBILITY.md', import.meta.url)
writeFileSync(file, withGeneratedPart(readFileSync(file, 'utf8')))
