// A recording of a folder: its runs as they were at a time.
//
// Key idea: a log is only appended to, so what a reader saw at a time is the part that had been
// written by then.

/** The runs at a time in seconds: { rows, curves }, curves by the rows' keys. */
export function at({ runs }, time) {
  const [rows, curves] = [[], {}];
  for (const { row, begins, states, curve } of runs) {
    if (begins > time) continue;
    const n = curve.when.filter((when) => when <= time).length;
    const cut = Object.fromEntries(Object.entries(curve).map(([name, column]) => [name, column.slice(0, n)]));
    const [, state, message] = states.filter(([when]) => when <= time).at(-1);
    const whole = n === curve.when.length;
    const latest = whole ? row.latest : Object.fromEntries(Object.entries(cut).filter(([name]) => name !== "when" && n).map(([name, column]) => [name, column.at(-1)]));
    rows.push({ ...row, state, message, latest, request: null });
    curves[row.key] = cut;
  }
  return { rows, curves };
}
