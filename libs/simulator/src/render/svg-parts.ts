/** Elements of SVG, escaped, and the looks of the drawing for light and dark. */

export function element(
  name: string,
  attributes: Readonly<Record<string, string | number>>,
  content: readonly string[] = [],
  inside = '',
): string {
  const list = Object.entries(attributes).map(([key, value]) => ` ${key}="${escapeXml(String(value))}"`)
  const body = content.map(escapeXml).join('') + inside
  return body === '' ? `<${name}${list.join('')}/>` : `<${name}${list.join('')}>${body}</${name}>`
}

export function text(x: number, y: number, content: string, look: string): string {
  return element('text', look === '' ? { x, y } : { x, y, class: look }, [content])
}

/** What XML cannot hold at all becomes a replacement character. */
export function escapeXml(content: string): string {
  return content
    .toWellFormed()
    .replaceAll(/[^\t\n\r\u0020-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]/gu, '\uFFFD')
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
}

/** Eight colours in turn, told apart also by those who see fewer. */
export function epochClass(epoch: number): string {
  return epoch < 0 ? 'e-none' : `e${epoch % palette.length}`
}

/** Of middle lightness, so that they stand out from white and from black. */
const palette = ['#3f7fbf', '#c2701a', '#2f9264', '#b0539a', '#8a7a1f', '#c24f4f', '#5b6fd0', '#3d8f9c']

export function definitions(title: string): string {
  const epochs = palette.map((color, i) => `.e${i}{--epoch:${color}}`).join('')
  return `<title>${escapeXml(title)}</title>
<defs>
<marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">
<path class="tip" d="M0 0L8 4L0 8z"/>
</marker>
</defs>
<style>
svg{--ground:#fff;--ink:#1f2328;--faint:#656d76;--bad:#c4222f;font:11px ui-monospace,Menlo,Consolas,monospace}
@media (prefers-color-scheme:dark){svg{--ground:#0d1117;--ink:#e6edf3;--faint:#8d96a0;--bad:#ff7b72}}
${epochs}.e-none{--epoch:var(--faint)}
.ground{fill:var(--ground)}
text{fill:var(--ink);white-space:pre}.strong{font-weight:bold}.faint{fill:var(--faint)}
.middle{text-anchor:middle}.end{text-anchor:end}
.halo{paint-order:stroke;stroke:var(--ground);stroke-width:3px}
.lifeline{stroke:var(--epoch,var(--faint));stroke-width:1.5}.leads{stroke-width:6}
.down{stroke:var(--bad);stroke-width:1;stroke-dasharray:2 5}
.arrow{stroke:var(--ink);stroke-width:1.2}.dotted{stroke-dasharray:4 3}.tip{fill:var(--ink)}
.cross{stroke:var(--bad);stroke-width:2.5;fill:none}
.mark{fill:var(--ground);stroke:var(--ink);stroke-width:1.5}.fault{stroke:var(--bad)}.client{fill:var(--ink)}
.swatch,.committed{fill:var(--epoch)}.log{fill:none;stroke:var(--epoch);stroke-width:1.2}
.violation{fill:none;stroke:var(--bad);stroke-width:2}
</style>`
}
