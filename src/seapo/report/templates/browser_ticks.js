/**
 * What the reader thinks of the pairs: kept in the browser under the run and the hash of its pairs, exported as JSON lines.
 */

const LABELS = ["good", "bad", "unsure"];

class Ticks {
  /**
   * @param {string} run name of the run
   * @param {string} content hash of the pairs in the page: ticks of other pairs stay apart
   */
  constructor(run, content) {
    this.run = run;
    this.storageKey = `seapo:ticks:${run}:${content}`;
    /** Why ticks are not kept; empty where they are. */
    this.trouble = "";
    this.ticks = new Map();
    this.read();
  }

  /** Takes over what is kept; another window of the same page may have written since. */
  read() {
    if (this.trouble) return;
    try {
      const text = localStorage.getItem(this.storageKey);
      if (text !== null) this.ticks = new Map(Object.entries(JSON.parse(text)).filter(([, tick]) => isTick(tick)));
      else this.ticks = new Map();
    } catch (problem) {
      this.trouble = `Ticks are not kept: ${problem.message || problem.name}. Export them before you close this page.`;
    }
  }

  get(pair) {
    return this.ticks.get(tickKey(pair)) ?? { label: "", note: "" };
  }

  /** Sets a pair's label and note, and keeps all; without a label the tick goes. */
  set(pair, { label, note }) {
    this.read();
    if (label) this.ticks.set(tickKey(pair), { label, note });
    else this.ticks.delete(tickKey(pair));
    if (this.trouble) return;
    try {
      localStorage.setItem(this.storageKey, JSON.stringify(Object.fromEntries(this.ticks)));
    } catch (problem) {
      this.trouble = `Ticks are not kept: ${problem.message || problem.name}. Export them before you close this page.`;
    }
  }

  /** One JSON object a line for each ticked pair, as `seapo verify --labels` reads them. */
  exported(pairs) {
    const ticked = pairs.filter((pair) => this.ticks.has(tickKey(pair)));
    const rows = ticked.map((pair) => ({
      run: this.run,
      sample_id: pair.sample.id,
      error_type: pair.type,
      text_sha256: pair.sha256,
      ...this.get(pair),
    }));
    return rows.map((row) => `${JSON.stringify(row)}\n`).join("");
  }

  /** Label -> pairs that have it, among those of this page. */
  counts(pairs) {
    const counts = new Map(LABELS.map((label) => [label, 0]));
    for (const pair of pairs) {
      const { label } = this.get(pair);
      if (label) counts.set(label, counts.get(label) + 1);
    }
    return counts;
  }
}

function tickKey(pair) {
  return (pair.tickKey ??= JSON.stringify([pair.sample.id, pair.type, pair.sha256]));
}

function isTick(value) {
  return LABELS.includes(value?.label) && typeof value.note === "string";
}
