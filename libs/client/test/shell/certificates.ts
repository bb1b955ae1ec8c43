/** A certificate authority, a broker's and a client's certificate, made for one test run. */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export const keyPassword = 'only a test'

export interface Certificates {
  readonly directory: string
  /** PEM texts. */
  readonly ca: string
  readonly broker: { readonly key: string; readonly cert: string }
  /** Its key is encrypted with `keyPassword`. */
  readonly client: { readonly key: string; readonly cert: string }
  remove(): void
}

export function makeCertificates(): Certificates {
  const directory = mkdtempSync(join(tmpdir(), 'troupe-tls-'))
  const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: directory, stdio: 'pipe' })
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1']
  openssl('req', '-x509', ...curve, '-nodes', '-keyout', 'ca.key', '-out', 'ca.pem', '-days', '2', '-subj', '/CN=ca')
  writeFileSync(join(directory, 'broker.ext'), 'subjectAltName=DNS:localhost')
  writeFileSync(join(directory, 'client.ext'), 'extendedKeyUsage=clientAuth')
  for (const name of ['broker', 'client']) {
    const locked = name === 'client' ? ['-passout', `pass:${keyPassword}`] : ['-nodes']
    openssl('req', ...curve, ...locked, '-keyout', `${name}.key`, '-out', `${name}.csr`, '-subj', `/CN=${name}`)
    const signing = ['-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial', '-days', '2', '-extfile', `${name}.ext`]
    openssl('x509', '-req', '-in', `${name}.csr`, '-out', `${name}.pem`, ...signing)
  }
  const read = (file: string) => readFileSync(join(directory, file), 'utf8')
  return {
    directory,
    ca: read('ca.pem'),
    broker: { key: read('broker.key'), cert: read('broker.pem') },
    client: { key: read('client.key'), cert: read('client.pem') },
    remove: () => rmSync(directory, { recursive: true, force: true }),
  }
}
