// From strokes to the picture that a network reads, made as the data set's pictures were.
//
// Alpaydin & Kaynak took each digit as 32 × 32 dots that it filled, and counted the inked dots in
// each block of 4 × 4: 8 × 8 numbers from 0 to 16. `picture` in widget.py does the same in Python.

export const SIDE = 8; // pixels of the picture
export const DOTS = 32; // dots of the fine grid
export const FULL = (DOTS / SIDE) ** 2; // dots in a pixel that is all ink
const PEN = 2.5; // radius of the pen, in dots
const WIDEST = 26; // dots: the data set's digits are higher than wide

/** Strokes moved and scaled so that their ink fills the height of the grid, or the widest width. */
export function fitted(strokes) {
  const xs = strokes.flat().map(([x]) => x);
  const ys = strokes.flat().map(([, y]) => y);
  const [left, right, top, bottom] = [Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)];
  const scale = Math.min(
    (DOTS - 2 * PEN) / Math.max(bottom - top, 1e-9),
    (WIDEST - 2 * PEN) / Math.max(right - left, 1e-9),
  );
  const middle = ([x, y]) => [
    (x - (left + right) / 2) * scale + DOTS / 2,
    (y - (top + bottom) / 2) * scale + DOTS / 2,
  ];
  return strokes.map((stroke) => stroke.map(middle));
}

/** The square of the distance from a point to the line between two others. */
function squaredDistance(x, y, [ax, ay], [bx, by]) {
  const [dx, dy] = [bx - ax, by - ay];
  const length = dx * dx + dy * dy;
  const along = length ? Math.max(0, Math.min(1, ((x - ax) * dx + (y - ay) * dy) / length)) : 0;
  return (x - ax - along * dx) ** 2 + (y - ay - along * dy) ** 2;
}

/** How many dots of each pixel are inked, 0 to 16: strokes in dots -> 64 numbers, row by row. */
export function counted(strokes) {
  const pixels = new Array(SIDE * SIDE).fill(0);
  for (let row = 0; row < DOTS; row++) {
    for (let column = 0; column < DOTS; column++) {
      const inked = strokes.some((stroke) =>
        stroke.some(
          (point, i) =>
            squaredDistance(column + 0.5, row + 0.5, stroke[Math.max(0, i - 1)], point) <= PEN * PEN,
        ),
      );
      if (inked) pixels[Math.floor(row / 4) * SIDE + Math.floor(column / 4)] += 1;
    }
  }
  return pixels;
}

/** The picture of strokes drawn on a pad of 1 × 1: fitted to the frame as the data's were, or not. */
export function picture(strokes, fit) {
  if (!strokes.length) return new Array(SIDE * SIDE).fill(0);
  const inDots = strokes.map((stroke) => stroke.map(([x, y]) => [x * DOTS, y * DOTS]));
  return counted(fit ? fitted(inDots) : inDots);
}

/** The picture moved by whole pixels; what leaves the frame is lost, what comes in is blank. */
export function shifted(pixels, right, down) {
  return pixels.map((_, i) => {
    const [row, column] = [Math.floor(i / SIDE) - down, (i % SIDE) - right];
    const inside = row >= 0 && row < SIDE && column >= 0 && column < SIDE;
    return inside ? pixels[row * SIDE + column] : 0;
  });
}
