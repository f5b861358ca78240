// The KV cache's blocks: grooves/inference/paging.py once more, for texts that share no beginning.
//
// Key idea: a simulation needs to know which blocks are free and which hold what, not the keys and
// values. A text that lost its blocks finds those again that nobody has taken since. Chapter 09.

export class BlockTables {
  #content = new Map(); // key of a full block's content -> block
  #keyOf = new Map(); // block -> that key
  #texts = new Map(); // name -> { length, blocks, published }

  constructor(nBlocks, size) {
    Object.assign(this, { nBlocks, size });
    this.free = Array.from({ length: nBlocks }, (_, block) => block); // in the order of being taken
  }

  get nUsed() {
    return this.nBlocks - this.free.length;
  }

  /** Tokens of a text that are in memory. */
  length(name) {
    return this.#texts.get(name).length;
  }

  /** Begin a text of so many tokens; its full blocks that are still there are its own again. */
  open(name, nTokens) {
    const blocks = [];
    for (let end = this.size; end < nTokens; end += this.size) {
      const block = this.#content.get(`${name} ${blocks.length}`);
      if (block === undefined) break;
      this.free.splice(this.free.indexOf(block), 1);
      blocks.push(block);
    }
    this.#texts.set(name, { length: blocks.length * this.size, blocks, published: blocks.length });
  }

  /** How many free blocks so many more tokens of a text take. */
  needed(name, nNew) {
    const { length, blocks } = this.#texts.get(name);
    return Math.ceil((length + nNew) / this.size) - blocks.length;
  }

  append(name, nNew) {
    const text = this.#texts.get(name);
    text.length += nNew;
    while (text.blocks.length * this.size < text.length) {
      const block = this.free.shift();
      this.#unpublish(block); // its content is about to be overwritten
      text.blocks.push(block);
    }
  }

  /** Keep the first so many tokens of a text. */
  cut(name, length) {
    const text = this.#texts.get(name);
    text.length = length;
    text.published = Math.min(text.published, Math.floor(length / this.size));
    while (text.blocks.length * this.size >= length + this.size) this.free.push(text.blocks.pop());
  }

  /** Enter a text's full blocks into the index; of two with the same content the first stays. */
  publish(name) {
    const text = this.#texts.get(name);
    for (; text.published < Math.floor(text.length / this.size); text.published++) {
      const [key, block] = [`${name} ${text.published}`, text.blocks[text.published]];
      if (this.#content.has(key)) continue;
      this.#unpublish(block);
      this.#content.set(key, block);
      this.#keyOf.set(block, key);
    }
  }

  close(name) {
    this.free.push(...this.#texts.get(name).blocks.reverse());
    this.#texts.delete(name);
  }

  #unpublish(block) {
    this.#content.delete(this.#keyOf.get(block));
    this.#keyOf.delete(block);
  }
}
