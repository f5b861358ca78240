// What the explorable `teller` says of a story.
//
// Key idea: a verdict is a sentence that names the word, not a colour alone.

const quoted = (word) => `“${word}”`;

/** The place (from 0) of the first word that breaks the rules; null in a story that obeys them.
 * A story that stops too early breaks them after its last word.
 */
export function fault(story) {
  if (story.impossible !== null) return story.impossible;
  const { end, index } = story.oracle;
  const whole = story.ended && story.exact(story.words.length)[index.get(end)] > 0;
  return whole ? null : story.words.length;
}

/** Whether the story is true to the language, and where not. */
export function verdict(story) {
  const at = fault(story);
  if (at === null) return "✓ True to the language: every word obeys the rules.";
  if (at === story.words.length) return "✗ Not true to the language: it stops before its end.";
  const some = story.possible(at).slice(0, 3).map(quoted);
  const could = some.length > 1 ? `${some.slice(0, -1).join(", ")} or ${some.at(-1)}` : some[0];
  const instead = could ? `, which allow ${could} there` : "";
  return `✗ Not true to the language: word ${at + 1}, ${quoted(story.words[at])}, breaks the rules${instead}.`;
}

/** How many of the stories told so far are true to the language.
 * judged: seed to whether its story was. The one that is being told counts already.
 */
export function tally(judged, seed, story) {
  const all = new Map(judged).set(seed, fault(story) === null);
  const right = [...all.values()].filter(Boolean).length;
  if (all.size === 1) return "The model’s language has exact rules, so every story can be judged.";
  return `${right} of the ${all.size} stories so far are true to the language.`;
}
