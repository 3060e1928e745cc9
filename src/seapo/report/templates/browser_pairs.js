/**
 * The pairs: unpacked from the page, searched, filtered and put in order.
 */

/** The filters, in the order in which they stand; `of` gives a pair's values. */
const FACETS = [
  { name: "type", title: "Error type", of: (pair) => [pair.type] },
  { name: "subtype", title: "Subtype", of: (pair) => [pair.subtype] },
  { name: "strategy", title: "Strategy", of: (pair) => [pair.strategy] },
  { name: "status", title: "Verdict", of: (pair) => [pair.status] },
  { name: "proof", title: "Proved by", of: (pair) => (pair.proofs.length ? pair.proofs : ["no program"]) },
  { name: "severity", title: "Severity", of: (pair) => [pair.severity ?? "not measured"] },
  { name: "dimension", title: "Dimension", of: (pair) => [pair.sample.dimension ?? "unknown"] },
  { name: "tick", title: "My tick", of: (pair, ticks) => [ticks.get(pair).label || "none yet"] },
];
const INDEX_OF_TICK = FACETS.findIndex((facet) => facet.name === "tick");

/** Orders of the list. A hash is as good as a draw, so the first of the shuffled pairs are a random sample. */
const ORDERS = {
  shuffled: (one, other) => (one.sha256 < other.sha256 ? -1 : 1),
  data: (one, other) => one.index - other.index,
  gap: (one, other) => (one.gap_nats ?? Infinity) - (other.gap_nats ?? Infinity) || one.index - other.index,
  smallest: (one, other) => one.edit_ratio - other.edit_ratio || one.index - other.index,
  largest: (one, other) => other.edit_ratio - one.edit_ratio || one.index - other.index,
};

/** Pairs that are made searchable before the page may answer the reader in between. */
const SLICE = 500;

/** Reads the block of data: `{ run, content, invisible, pairs }`, each pair with its sample and its checks. */
async function unpackedPairs(base64) {
  const bytes = Uint8Array.from(atob(base64.trim()), (character) => character.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  const packed = JSON.parse(await new Response(stream).text());
  const samples = rowsOf(packed.samples).map((sample) => ({ ...sample, pairs: [] }));
  const pairs = rowsOf(packed.pairs).map((row, index) => {
    const pair = { ...row, index, sample: samples[row.sample], checks: row.checks.map((one) => packed.checks[one]) };
    pair.sample.pairs.push(pair);
    return pair;
  });
  for (let start = 0; start < pairs.length; start += SLICE) {
    pairs.slice(start, start + SLICE).forEach(makeSearchable);
    await new Promise((resolve) => setTimeout(resolve));
  }
  return { run: packed.run, content: packed.content, invisible: invisibleCharacters(packed.invisible), pairs };
}

/** Columns of equal length as rows. */
function rowsOf(columns) {
  const names = Object.keys(columns);
  return columns[names[0]].map((_, index) => Object.fromEntries(names.map((name) => [name, columns[name][index]])));
}

/** The negative's text. */
function negativeText(pair) {
  const parts = [];
  let position = 0;
  for (const [start, end, replacement] of pair.edits) {
    parts.push(pair.sample.chosen.slice(position, start), replacement);
    position = end;
  }
  return parts.join("") + pair.sample.chosen.slice(position);
}

/** Puts the texts that a search looks at beside the pair and its sample, in lower case. */
function makeSearchable(pair) {
  const { sample } = pair;
  sample.searched ??= {
    id: sample.id.toLowerCase(),
    prompt: sample.prompt
      .map(([, content]) => content)
      .join("\n")
      .toLowerCase(),
    chosen: sample.chosen.toLowerCase(),
  };
  const edited = pair.edits.map(([start, end, replacement]) => `${sample.chosen.slice(start, end)}\n${replacement}`);
  pair.searched = { negative: negativeText(pair).toLowerCase(), edit: edited.join("\n").toLowerCase() };
}

/** Where each scope of the search looks. */
const SCOPES = {
  all: ({ sample, searched }) => [
    sample.searched.prompt,
    sample.searched.chosen,
    searched.negative,
    sample.searched.id,
  ],
  prompt: ({ sample }) => [sample.searched.prompt],
  chosen: ({ sample }) => [sample.searched.chosen],
  negative: ({ searched }) => [searched.negative],
  edit: ({ searched }) => [searched.edit],
};

/** Words, and phrases in quotation marks, in lower case. */
function searchTerms(query) {
  const found = query.toLowerCase().matchAll(/"([^"]+)"|[^\s"]+/g);
  return [...found].map((match) => match[1] ?? match[0]);
}

/** The pairs that pass a search and filters, and how many of them each value of each filter has. */
class PairFinder {
  constructor(pairs, ticks) {
    this.pairs = pairs;
    this.ticks = ticks;
    this.values = pairs.map((pair) => FACETS.map((facet) => facet.of(pair, ticks)));
    this.isFound = new Uint8Array(pairs.length).fill(1);
    this.searched = "";
  }

  /** Marks the pairs in which every term stands somewhere. */
  search(query, scope) {
    const terms = searchTerms(query);
    const key = JSON.stringify([scope, terms]);
    if (key === this.searched) return;
    this.searched = key;
    this.pairs.forEach((pair, index) => {
      const texts = terms.length ? SCOPES[scope](pair) : [];
      this.isFound[index] = terms.every((term) => texts.some((text) => text.includes(term))) ? 1 : 0;
    });
  }

  /** Looks up the tick of a pair anew. */
  renew(pair) {
    this.values[pair.index][INDEX_OF_TICK] = FACETS[INDEX_OF_TICK].of(pair, this.ticks);
  }

  /**
   * @param {string[]} wanted the value asked for of each filter, empty for any
   * @returns `{ found, counts }`: the pairs, and for each filter value -> pairs that would be left if it were chosen
   */
  filter(wanted) {
    const counts = FACETS.map(() => new Map());
    const count = (at, values) => {
      for (const value of values[at]) counts[at].set(value, (counts[at].get(value) ?? 0) + 1);
    };
    const found = this.pairs.filter((pair, index) => {
      if (!this.isFound[index]) return false;
      const values = this.values[index];
      let failed = -1;
      for (let at = 0; at < wanted.length; at++) {
        if (!wanted[at] || values[at].includes(wanted[at])) continue;
        if (failed >= 0) return false;
        failed = at;
      }
      // A pair that one filter alone keeps out counts among that filter's other values.
      if (failed >= 0) count(failed, values);
      else wanted.forEach((_, at) => count(at, values));
      return failed < 0;
    });
    return { found, counts };
  }
}
