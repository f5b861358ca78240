// A sentence cut into the pieces that a model reads: words and marks, or characters.
//
// Key idea: for English, exactly the words of grooves/language/stories.py; for other writing, letters that
// belong together stay together, and where no spaces part the words, the browser's own rules do.
// Chapter 03.

const characters = new Intl.Segmenter(undefined, { granularity: "grapheme" });
const words = new Intl.Segmenter(undefined, { granularity: "word" });

const LETTER = /^\p{L}/u;
const UNSPACED = /\p{Script=Han}|\p{Script=Hiragana}|\p{Script=Katakana}|\p{Script=Thai}|\p{Script=Lao}|\p{Script=Khmer}|\p{Script=Myanmar}/u;

/** The pieces of a text in order, and for each whether a space stood before it.
 * unit: "words" or "characters". Returns: { pieces, spaced }, two lists of one length.
 */
export function cut(text, unit) {
  const [pieces, spaced] = [[], []];
  let space = false;
  let word = false; // whether the last piece is a word that the next letter belongs to
  for (const { segment: one } of characters.segment(text)) {
    const letter = LETTER.test(one);
    if (!one.trim()) space = pieces.length > 0;
    else if (letter && word && unit === "words") pieces[pieces.length - 1] += one;
    else {
      pieces.push(one);
      spaced.push(space);
      space = false;
    }
    word = letter;
  }
  const parts = pieces.map((piece) => {
    return UNSPACED.test(piece) ? Array.from(words.segment(piece), ({ segment }) => segment) : [piece];
  });
  return { pieces: parts.flat(), spaced: parts.flatMap((part, i) => part.map((_, j) => j === 0 && spaced[i])) };
}

/** Pieces as a line that people read, with spaces where they were typed. */
export function line(pieces, spaced) {
  return pieces.map((piece, i) => (i && spaced[i] ? ` ${piece}` : piece)).join("");
}
