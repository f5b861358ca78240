// What the explorable `finetune` says, with its numbers.

const quoted = (word) => `“${word}”`;
const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;

/** Nats with as many digits as tell small ones apart: 5.5, 0.59, 0.008. */
export const nats = (value) => (Math.abs(value) >= 1 ? value.toFixed(1) : Math.abs(value) >= 0.1 ? value.toFixed(2) : value.toFixed(3));
export const kilobytes = (bytes) => `${Math.round(bytes / 1000)} kB`;
export const stories = (n) => `${n.toLocaleString("en")} stories`;

/** Of a method and a count: runs' losses in the dialect, their forgetting, and the mean, least and most. */
export function figures(recorded, way, n) {
  const i = recorded.counts.indexOf(n);
  const described = (runs) => ({ runs, mean: mean(runs), least: Math.min(...runs), most: Math.max(...runs) });
  return { new: described(way.new[i]), lost: described(way.old[i].map((loss) => loss - recorded.base_old)) };
}

/** The method that ends closest to the dialect on average, or the one that forgets least. */
export function best(recorded, n, what = "new") {
  const ways = what === "new" ? recorded.ways : recorded.ways.filter(({ key }) => key !== "scratch");
  return ways.reduce((first, other) => (figures(recorded, other, n)[what].mean < figures(recorded, first, n)[what].mean ? other : first));
}

export const question = (n) => `After fine-tuning on ${stories(n)} by the new teller, which method comes closest to the dialect?`;

/** The methods whose runs overlap with those of the best one, so that five runs do not settle it. */
function contested(recorded, first, n, what) {
  const others = recorded.ways.filter(({ key }) => key !== first.key && (what === "new" || key !== "scratch"));
  const near = others.filter((one) => figures(recorded, one, n)[what].least <= figures(recorded, first, n)[what].most);
  return near.length ? `; its runs overlap with those of ${near.map(({ name }) => name).join(" and ")}` : "";
}

/** Which method is best, and where all but one started. */
export function verdict(recorded, n) {
  const [first, keeps] = [best(recorded, n), best(recorded, n, "lost")];
  const gap = nats(figures(recorded, first, n).new.mean);
  const learned = `With ${stories(n)}, ${first.name} comes closest: ${gap} nats per word above the dialect’s entropy (base model: ${nats(recorded.base_new)})${contested(recorded, first, n, "new")}.`;
  return `${learned} Forgetting is lowest with ${keeps.name}: ${nats(figures(recorded, keeps, n).lost.mean)} nats${contested(recorded, keeps, n, "lost")}.`;
}

const between = ({ least, most }) => `${nats(least)} to ${nats(most)}`;

/** The numbers of the chosen method. */
export function detail(recorded, way, n, own) {
  const found = figures(recorded, way, n);
  const start = `${way.name[0].toUpperCase()}${way.name.slice(1)}: ${nats(found.new.mean)} nats in the dialect (${between(found.new)} over ${found.new.runs.length} runs)`;
  const lost =
    way.key === "scratch"
      ? `; it never learned the first language, and is ${nats(found.lost.mean + recorded.base_old)} nats from it.`
      : `; ${nats(found.lost.mean)} nats of the first language forgotten (${between(found.lost)}).`;
  const yours = own ? ` Yours: ${nats(own.new)}, and ${nats(own.old - recorded.base_old)} ${way.key === "scratch" ? "from the first language" : "forgotten"}.` : "";
  return `${start}${lost}${yours} Storage: ${kilobytes(way.bytes)}${way.key === "scratch" ? "" : " in addition to the base model"}.`;
}

/** A chart in words; shown: the counts that may be shown. */
export function described(recorded, what, shown) {
  const title = what === "new" ? "Nats per word above the dialect’s entropy" : "Nats per word of the first language forgotten";
  if (!shown.length) return `${title}, by number of stories. The points are shown after the question.`;
  const ways = what === "new" ? recorded.ways : recorded.ways.filter(({ key }) => key !== "scratch");
  const parts = shown.map((n) => `${stories(n)}: ${ways.map((way) => `${way.name} ${nats(figures(recorded, way, n)[what].mean)}`).join(", ")}`);
  return `${title}. ${parts.join("; ")}.`;
}

/** The first word that a language never has there: its place, or null. */
export function leaves(oracle, words) {
  let states = oracle.begin();
  for (const [place, word] of words.entries()) {
    states = oracle.read(states, word);
    if (!states.length) return place;
  }
  return null;
}

/** Who could have told this: { text, place (where the dialect is left, or null) }. */
export function teller(story, first) {
  const dialect = story.oracle;
  const words = story.ended ? [...story.words, dialect.end] : story.words;
  const [place, other] = [leaves(dialect, words), leaves(first, words)];
  const whose = (who) => (story.ended ? `A story of ${who}` : `So far ${who}’s`);
  if (place === null) return { place, text: other === null ? `${story.ended ? "A story of both tellers" : "So far either teller’s"}.` : `${whose("the new teller")}.` };
  const word = words[place] === dialect.end ? "the end" : quoted(words[place]);
  const never = `the new one never has ${word} there${place < story.promptLength ? ", in the start that you gave" : ""}`;
  return { place, text: other === null ? `${whose("the first teller")}: ${never}.` : `Neither teller’s: ${never}.` };
}
