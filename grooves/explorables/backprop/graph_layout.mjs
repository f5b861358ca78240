// Where the nodes of a formula's graph are drawn: columns from the inputs to the result, and rows.
//
// Key idea: a node's column is how far the result is away. A subtree is placed as a block, and
// blocks are pushed together until they nearly touch (Reingold & Tilford 1981). An edge over several
// columns keeps a place free in each, so it runs beside the nodes and not through them. Chapter 02.

/** Columns and rows, from 0, not always whole: { columns, rows, at: [[column, row] by id], edges }.
 *
 * edges: { from, to (ids), input (its number among the inputs of `to`), bends: [[column, row]] }.
 */
export function layout({ nodes, result }) {
  const users = nodes.map(() => []);
  for (const node of nodes) for (const input of node.inputs) users[input.id].push(node);
  const distance = nodes.map(() => 0); // to the result, the longest way
  for (const node of [...nodes].reverse()) {
    for (const user of users[node.id]) distance[node.id] = Math.max(distance[node.id], distance[user.id] + 1);
  }
  const last = Math.max(...distance);
  const column = (node) => last - distance[node.id];
  // A node stands in the block of its nearest user; to the others an edge comes from elsewhere.
  const home = nodes.map((node) => users[node.id].find((user) => column(user) === column(node) + 1));

  const at = nodes.map((node) => [column(node), 0]);
  const edges = [];
  const placed = new Set();

  /** Place a node's inputs and the node itself: { members to be shifted together, span by column }. */
  function block(node) {
    const merged = { members: [], span: new Map() };
    const middles = [];
    node.inputs.forEach((input, number) => {
      const edge = { from: input.id, to: node.id, input: number, bends: [] };
      edges.push(edge);
      let part;
      if (home[input.id] === node && !placed.has(input)) {
        placed.add(input);
        part = block(input);
      } else {
        for (let c = column(input) + 1; c < column(node); c++) edge.bends.push([c, 0]);
        if (!edge.bends.length) return;
        part = { members: [...edge.bends], span: new Map(edge.bends.map(([c]) => [c, [0, 0]])) };
      }
      let shift = 0;
      for (const [c, [top]] of part.span) {
        if (merged.span.has(c)) shift = Math.max(shift, merged.span.get(c)[1] + 1 - top);
      }
      for (const member of part.members) member[1] += shift;
      for (const [c, [top, bottom]] of part.span) {
        const [above] = merged.span.get(c) ?? [top + shift];
        merged.span.set(c, [Math.min(above, top + shift), bottom + shift]);
      }
      merged.members.push(...part.members);
      middles.push(edge.bends.length ? edge.bends.at(-1)[1] : at[input.id][1]);
    });
    const own = at[node.id];
    own[1] = middles.length ? (middles[0] + middles.at(-1)) / 2 : 0;
    merged.members.push(own);
    merged.span.set(own[0], [own[1], own[1]]);
    return merged;
  }

  const { members } = block(result);
  const top = Math.min(...members.map(([, row]) => row));
  for (const member of members) member[1] -= top;
  return { columns: last + 1, rows: Math.max(...members.map(([, row]) => row)) + 1, at, edges };
}
