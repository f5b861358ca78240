// The reader of grooves/language/grammar.py once more: the exact probability of every next word.
//
// Key idea: keep every way in which the text so far may have come about, with its probability.
// The grammar arrives as plain data from Stories.to_json(). Chapter 04.

/** All ways to go on are states: { probability, rest, memory }. memory.label: the text's last label.
 * rest: what is still to be written, a linked list [step or word, rest], or null at the end.
 */
export class Oracle {
  constructor(grammar) {
    Object.assign(this, grammar);
    this.index = new Map(this.vocabulary.map((word, i) => [word, i]));
  }

  /** The states before the first word. */
  begin() {
    return this.#unfold([{ probability: 1, rest: [["expand", this.start], null], memory: {} }]);
  }

  /** Exact probability of each possible next word, the end mark among them: a Map. */
  nextWords(states) {
    const total = states.reduce((sum, state) => sum + state.probability, 0);
    const table = new Map();
    for (const { probability, rest } of states) {
      const word = rest ? rest[0] : this.end;
      table.set(word, (table.get(word) ?? 0) + probability / total);
    }
    return table;
  }

  /** The states after one more word; none where it cannot follow. */
  read(states, word) {
    const kept = states.filter(({ rest }) => (rest ? rest[0] : this.end) === word);
    if (kept.length === 0 || word === this.end) return kept;
    const total = kept.reduce((sum, state) => sum + state.probability, 0);
    return this.#unfold(
      kept.map(({ probability, rest, memory }) => {
        return { probability: probability / total, rest: rest[1], memory };
      }),
    );
  }

  /** As Stories.next_word: exact probabilities of every next word, (V,), after these words. */
  nextWord(words) {
    let states = this.begin();
    words.forEach((word, i) => {
      states = this.read(states, word);
      if (!states.length) throw new Error(`no story goes on with '${word}' as word ${i + 1}`);
    });
    return this.vector(this.nextWords(states));
  }

  /** A table of probabilities as a vector over the vocabulary, (V,). */
  vector(table) {
    const p = new Float64Array(this.vocabulary.length);
    for (const [word, probability] of table) p[this.index.get(word)] = probability;
    return p;
  }

  /** Replace rules, bindings and recalls until every state has a word, or nothing, next. */
  #unfold(todo) {
    const done = [];
    while (todo.length) {
      const state = todo.pop();
      if (state.rest === null || typeof state.rest[0] === "string") done.push(state);
      else this.#replace(state, todo);
    }
    return done;
  }

  #replace({ probability, rest: [step, rest], memory }, todo) {
    const [kind, ...parts] = step;
    if (kind === "expand") {
      for (const [share, steps] of this.rules[parts[0]]) {
        todo.push({ probability: probability * share, rest: prepend(steps, rest), memory });
      }
    } else if (kind === "bind") {
      const [name, lexicalClass, excluded, silent, capital] = parts;
      const taken = excluded.map((other) => memory[other]);
      const entries = this.lexicon[lexicalClass].filter((entry) => !taken.includes(entry));
      for (const entry of entries) {
        const words = silent ? [] : spelled(entry[""], capital);
        const after = { ...memory, [name]: entry };
        const share = probability / entries.length;
        todo.push({ probability: share, rest: prepend(words, rest), memory: after });
      }
    } else if (kind === "recall") {
      const [name, form, capital] = parts;
      const words = spelled(memory[name][form], capital);
      todo.push({ probability, rest: prepend(words, rest), memory });
    } else if (kind === "write") {
      todo.push({ probability, rest: prepend(parts[0], rest), memory });
    } else {
      todo.push({ probability, rest, memory: { ...memory, label: parts[0] } }); // writes nothing
    }
  }
}

function prepend(items, rest) {
  return items.reduceRight((after, item) => [item, after], rest);
}

function spelled([first, ...others], capital) {
  return [capital ? first[0].toUpperCase() + first.slice(1) : first, ...others];
}

/** Split ordinary text into words and marks. */
export function toWords(text) {
  return text.match(/[A-Za-z]+|[^\sA-Za-z]/gu) ?? [];
}

/** For each word, whether a space stands before it in ordinary text. */
export function spaces(words) {
  let quoted = false;
  let glued = true; // nothing comes between this word and the one before
  return words.map((word, i) => {
    if (word === '"') {
      const space = i > 0 && !quoted;
      quoted = !quoted;
      glued = quoted;
      return space;
    }
    const space = !glued && !".,!?".includes(word);
    glued = false;
    return space;
  });
}

/** Ordinary text from words: `One day , he` becomes `One day, he`. */
export function toText(words) {
  const before = spaces(words);
  return words.map((word, i) => (before[i] ? ` ${word}` : word)).join("");
}

/** Up to n words of the vocabulary that are spelled most like `word`, capitals aside. */
export function nearest(word, vocabulary, n = 3) {
  const limit = Math.max(1, Math.floor(word.length / 3));
  const found = [];
  for (const other of vocabulary) {
    if (!/^[A-Za-z]/.test(other)) continue;
    const distance = edits(word.toLowerCase(), other.toLowerCase(), limit);
    if (distance <= limit) found.push([distance, other]);
  }
  return found.sort(([a], [b]) => a - b).slice(0, n).map(([, other]) => other);
}

/** Letters to insert, delete or replace to make b of a; more than `limit` counts as limit + 1. */
function edits(a, b, limit) {
  if (Math.abs(a.length - b.length) > limit) return limit + 1;
  let above = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = above[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1);
      row.push(Math.min(replaced, above[j] + 1, row[j - 1] + 1));
    }
    above = row;
  }
  return above[b.length];
}
