// Reads drawings with the real Mermaid, and holds what it understood to what was written: as many nodes, frames and
// arrows, and every text as it was meant, with nothing in it taken for syntax.
//
//   node mermaid.mjs FILE.mmd…
import fs from 'node:fs';
import { JSDOM } from 'jsdom';

const { window } = new JSDOM('<!DOCTYPE html><body></body>');
globalThis.window = window;
globalThis.document = window.document;
const { default: mermaid } = await import('mermaid');
mermaid.initialize({ startOnLoad: false, maxTextSize: 50000, maxEdges: 500 });
await mermaid.parse('flowchart LR'); // loads the grammars

// Mermaid keeps #58; as ﬂ°°58¶ß until it draws.
const meant = (text) => text.replace(/(#|ﬂ°°)(\d+)(;|¶ß)/g, (_, a, n) => String.fromCodePoint(n)).replaceAll('<br>', '<br/>');

let failed = false;
for (const file of process.argv.slice(2)) {
  const source = fs.readFileSync(file, 'utf8');
  const want = { nodes: {}, frames: {}, edges: [] };
  for (const line of source.split('\n').map((l) => l.trim())) {
    let m;
    if ((m = line.match(/^subgraph (n\d+)\["(.*)"\]$/))) want.frames[m[1]] = meant(m[2]);
    else if ((m = line.match(/^(n\d+) [-=.x>]+(?:\|"(.*)"\|)? (n\d+)$/))) want.edges.push([m[1], meant(m[2] ?? ''), m[3]].join(' '));
    else if ((m = line.match(/^(n\d+)\W+?"(.*)"\W+$/))) want.nodes[m[1]] = meant(m[2]);
  }
  try {
    const { db } = await mermaid.mermaidAPI.getDiagramFromText(source);
    const frames = Object.fromEntries(db.getSubGraphs().map((s) => [s.id, meant(s.title)]));
    const nodes = {};
    for (const [id, v] of db.getVertices()) if (!(id in frames)) nodes[id] = meant(v.text);
    const edges = db.getEdges().map((e) => [e.start, meant(e.text ?? ''), e.end].join(' '));
    for (const [what, a, b] of [['nodes', want.nodes, nodes], ['frames', want.frames, frames]]) {
      for (const id of new Set([...Object.keys(a), ...Object.keys(b)])) {
        if (a[id] !== b[id]) throw new Error(`${what}: ${id} is ${JSON.stringify(b[id])}, not ${JSON.stringify(a[id])}`);
      }
    }
    if (JSON.stringify(edges) !== JSON.stringify(want.edges)) throw new Error(`edges: ${JSON.stringify(edges)}, not ${JSON.stringify(want.edges)}`);
    if (Object.keys(nodes).length < 2) throw new Error('nothing was drawn');
    console.log(`${file}: ${Object.keys(nodes).length} nodes, ${Object.keys(frames).length} frames, ${edges.length} arrows`);
  } catch (e) {
    failed = true;
    console.error(`${file}: ${e.message}`);
  }
}
process.exit(failed ? 1 : 0);
