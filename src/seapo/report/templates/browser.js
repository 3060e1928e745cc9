/**
 * The pair browser: list, filters, keys and ticks around the one pair that is open.
 */

/** What stands in the list before and behind the part that is in view, in rows. */
const SPARE_ROWS = 6;
/** Height of a row of the list, as the style sheet has it. */
const ROW_REM = 3.6;

const HIGHLIGHT = "pb-found";

function byId(id) {
  return document.getElementById(`pb-${id}`);
}

class PairBrowser {
  constructor({ run, content, invisible, pairs }) {
    this.invisible = invisible;
    this.pairs = pairs;
    this.ticks = new Ticks(run, content);
    this.finder = new PairFinder(pairs, this.ticks);
    this.found = [];
    /** The open pair; it may be one that the filters keep out of the list. */
    this.open = null;
    this.isExported = true;
    this.areKeysOn = true;
    this.app = byId("app");
    this.list = byId("list");
    this.makeFilters();
    this.listen();
    this.app.hidden = false;
    this.refresh();
  }

  // ---- filters -------------------------------------------------------------------------------------------------

  makeFilters() {
    this.selects = FACETS.map(({ name, title }) => {
      const select = element("select", { id: `pb-filter-${name}` });
      select.addEventListener("change", () => this.refresh());
      byId("filters").append(element("label", {}, title, select));
      return select;
    });
    byId("panel").open = matchMedia("(min-width: 56rem)").matches;
  }

  /** Searches, filters and orders anew, and shows what is left. */
  refresh() {
    this.finder.search(byId("search").value, byId("scope").value);
    const { found, counts } = this.finder.filter(this.selects.map((select) => select.value));
    this.found = found.sort(ORDERS[byId("order").value]);
    this.showCounts(counts);
    this.showSummary();
    if (!found.includes(this.open)) this.list.scrollTop = 0;
    this.show(found.includes(this.open) ? this.open : (found[0] ?? null));
  }

  /** Another order begins with its first pair. */
  reorder() {
    this.open = null;
    this.refresh();
  }

  showCounts(counts) {
    this.selects.forEach((select, at) => {
      const { value } = select;
      const values = [...counts[at].keys()];
      if (value && !values.includes(value)) values.push(value);
      values.sort((one, other) => (counts[at].get(other) ?? 0) - (counts[at].get(one) ?? 0) || (one < other ? -1 : 1));
      const options = values.map((one) => {
        const words = textNodes(spelt(one), this.invisible).map((node) => node.textContent ?? node);
        return new Option(`${words.join("")} (${grouped(counts[at].get(one) ?? 0)})`, one, false, one === value);
      });
      select.replaceChildren(new Option("any", "", false, !value), ...options);
      select.classList.toggle("pb-set", Boolean(value));
    });
    const set = this.selects.filter((select) => select.value).length;
    byId("clear").hidden = !set && !byId("search").value;
    byId("panel-title").textContent = set ? `Filters (${set} set)` : "Filters";
  }

  clear() {
    byId("search").value = "";
    this.selects.forEach((select) => (select.value = ""));
    this.refresh();
  }

  /** One line: how many pairs are left, how many are ticked, and what stands in the way. */
  showSummary() {
    const ticked = this.ticks.counts(this.pairs);
    const total = [...ticked.values()].reduce((sum, number) => sum + number, 0);
    const parts = [...ticked].filter(([, number]) => number).map(([label, number]) => `${grouped(number)} ${label}`);
    const left = `${grouped(this.found.length)} of ${grouped(this.pairs.length)} pairs`;
    byId("summary").textContent = total ? `${left} · ${grouped(total)} ticked: ${parts.join(", ")}` : left;
    byId("export").disabled = total === 0;
    byId("trouble").textContent = this.ticks.trouble;
    byId("trouble").hidden = !this.ticks.trouble;
    byId("empty").hidden = this.found.length > 0;
  }

  // ---- the list ------------------------------------------------------------------------------------------------

  rowHeight() {
    return ROW_REM * parseFloat(getComputedStyle(document.documentElement).fontSize);
  }

  /** Makes the rows that are in view, and no others. */
  showList() {
    const height = this.rowHeight();
    const rows = byId("rows");
    rows.style.height = `${this.found.length * height}px`;
    const first = Math.max(0, Math.floor(this.list.scrollTop / height) - SPARE_ROWS);
    const shown = Math.ceil(this.list.clientHeight / height) + 2 * SPARE_ROWS;
    const made = this.found.slice(first, first + shown).map((pair, at) => this.listRow(pair, first + at, height));
    rows.replaceChildren(...made);
    this.list.setAttribute("aria-activedescendant", this.found.includes(this.open) ? rowId(this.open) : "");
  }

  listRow(pair, position, height) {
    const { label } = this.ticks.get(pair);
    const about = [spelt(pair.subtype), pair.sample.dimension, pair.status].filter(Boolean).join(" · ");
    const row = element(
      "div",
      {
        id: rowId(pair),
        role: "option",
        class: `pb-item${label ? ` pb-is-${label}` : ""}`,
        "aria-selected": String(pair === this.open),
        "aria-posinset": position + 1,
        "aria-setsize": this.found.length,
      },
      glimpse(pair, this.invisible),
      element("span", { class: "pb-about" }, element("bdi", {}, ...textNodes(about, this.invisible))),
    );
    if (label) row.append(element("b", { class: "pb-label" }, label));
    row.style.top = `${position * height}px`;
    row.addEventListener("click", () => this.choose(pair));
    return row;
  }

  choose(pair) {
    this.show(pair);
    if (!matchMedia("(min-width: 56rem)").matches) byId("pair").scrollIntoView({ block: "start" });
  }

  /** Goes so many pairs forward, or back. */
  step(by) {
    const at = this.found.indexOf(this.open);
    const next = this.found[at < 0 ? 0 : Math.min(Math.max(at + by, 0), this.found.length - 1)];
    if (next) this.show(next);
  }

  scrollToOpen() {
    const at = this.found.indexOf(this.open);
    if (at < 0) return;
    const height = this.rowHeight();
    const [top, bottom] = [at * height, (at + 1) * height];
    if (top < this.list.scrollTop) this.list.scrollTop = top;
    else if (bottom > this.list.scrollTop + this.list.clientHeight)
      this.list.scrollTop = bottom - this.list.clientHeight;
  }

  // ---- the open pair -------------------------------------------------------------------------------------------

  show(pair) {
    const isOther = pair !== this.open;
    this.open = pair;
    byId("pair").hidden = pair === null;
    if (pair && isOther) {
      byId("content").replaceChildren(...pairView(pair, this.invisible));
      byId("pair").scrollTop = 0;
      this.showHead(pair);
    }
    if (pair) this.showTick(pair);
    this.scrollToOpen();
    this.showList();
    this.highlight();
    const at = this.found.indexOf(pair);
    byId("position").textContent = at < 0 ? "not in the list" : `${grouped(at + 1)} of ${grouped(this.found.length)}`;
    byId("previous").disabled = at <= 0;
    byId("next").disabled = at + 1 >= this.found.length;
  }

  showHead(pair) {
    const words = [pair.type, pair.sample.dimension ?? "unknown dimension", pair.severity].filter(Boolean);
    const title = spelt(pair.subtype);
    byId("title").replaceChildren(
      element("bdi", {}, ...textNodes(title.charAt(0).toUpperCase() + title.slice(1), this.invisible)),
      element("span", {}, " · ", element("bdi", {}, ...textNodes(words.join(" · "), this.invisible)), " "),
      element("b", { class: "status" }, pair.status),
    );
    const siblings = pair.sample.pairs.filter((one) => one !== pair);
    byId("siblings").hidden = !siblings.length;
    byId("siblings").replaceChildren("Of the same answer: ", ...siblings.map((one) => this.siblingButton(one)));
  }

  siblingButton(pair) {
    const words = textNodes(`${pair.type}: ${spelt(pair.subtype)}`, this.invisible);
    const button = element("button", { type: "button", class: "pb-plain" }, ...words);
    button.addEventListener("click", () => this.show(pair));
    return button;
  }

  /** Marks in the open pair what the search has found. */
  highlight() {
    if (!globalThis.Highlight || !CSS.highlights) return;
    CSS.highlights.delete(HIGHLIGHT);
    const terms = searchTerms(byId("search").value).map((term) => term.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&"));
    if (!terms.length) return;
    const pattern = new RegExp(terms.join("|"), "giu");
    const ranges = [];
    for (const texts of document.querySelectorAll(".pb-prompt, .pb-diff, .pb-sample-id")) {
      const walker = document.createTreeWalker(texts, NodeFilter.SHOW_TEXT);
      while (walker.nextNode()) ranges.push(...rangesOf(walker.currentNode, pattern));
    }
    CSS.highlights.set(HIGHLIGHT, new Highlight(...ranges));
  }

  // ---- ticks ---------------------------------------------------------------------------------------------------

  showTick(pair) {
    const { label, note } = this.ticks.get(pair);
    for (const one of LABELS) byId(one).setAttribute("aria-pressed", String(one === label));
    if (byId("note").value !== note) byId("note").value = note;
  }

  /** Sets the open pair's label; the label that it has goes when it is set again. */
  tick(label) {
    if (!this.open) return;
    const now = this.ticks.get(this.open);
    const isTaken = now.label === label;
    this.keep({ label: isTaken ? "" : label, note: isTaken ? "" : now.note });
    if (!isTaken && byId("onward").checked) this.step(1);
  }

  /** A note belongs to a tick: a pair that has none yet becomes unsure. */
  setNote(note) {
    if (!this.open) return;
    const { label } = this.ticks.get(this.open);
    this.keep({ label: label || (note && "unsure"), note });
  }

  keep(tick) {
    this.ticks.set(this.open, tick);
    this.isExported = false;
    this.ticksChanged([this.open]);
  }

  /** The list stays as it is: a pair that no longer fits the filters leaves it at the next search. */
  ticksChanged(pairs) {
    pairs.forEach((pair) => this.finder.renew(pair));
    this.showCounts(this.finder.filter(this.selects.map((select) => select.value)).counts);
    this.showSummary();
    if (this.open) this.showTick(this.open);
    this.showList();
  }

  exportTicks() {
    const blob = new Blob([this.ticks.exported(this.pairs)], { type: "application/jsonl" });
    const name = this.ticks.run.replace(/[^\w.-]+/g, "-");
    const link = element("a", { href: URL.createObjectURL(blob), download: `${name}-labels.jsonl` });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
    this.isExported = true;
  }

  // ---- keys and events -----------------------------------------------------------------------------------------

  listen() {
    byId("search").addEventListener("input", () => this.refresh());
    byId("scope").addEventListener("change", () => this.refresh());
    byId("order").addEventListener("change", () => this.reorder());
    for (const label of LABELS) byId(label).addEventListener("click", () => this.tick(label));
    const actions = {
      previous: () => this.step(-1),
      next: () => this.step(1),
      clear: () => this.clear(),
      export: () => this.exportTicks(),
      help: () => byId("keys").showModal(),
      fill: () => this.toggleFilled(),
    };
    for (const [id, act] of Object.entries(actions)) byId(id).addEventListener("click", act);
    byId("note").addEventListener("input", (event) => this.setNote(event.target.value));
    byId("keys-on").addEventListener("change", (event) => (this.areKeysOn = event.target.checked));
    this.list.addEventListener("scroll", () => this.showList(), { passive: true });
    new ResizeObserver(() => this.showList()).observe(this.list);
    document.addEventListener("keydown", (event) => this.pressed(event));
    addEventListener("storage", (event) => this.writtenElsewhere(event));
    addEventListener("beforeunload", (event) => {
      if (this.ticks.trouble && !this.isExported) event.preventDefault();
    });
  }

  /** Another window of the same page has set a tick. */
  writtenElsewhere(event) {
    if (event.key !== this.ticks.storageKey && event.key !== null) return;
    this.ticks.read();
    this.ticksChanged(this.pairs);
  }

  pressed(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || byId("keys").open) return;
    if (event.key === "Escape") return this.leave(event);
    if (event.target === byId("search") && ["Enter", "ArrowDown"].includes(event.key))
      return this.take(event, () => this.list.focus());
    const act = this.keyAction(event);
    if (act && this.takesKeys(event.target)) this.take(event, act);
  }

  take(event, act) {
    event.preventDefault();
    act();
  }

  /** Escape leaves a field, then the filled window. */
  leave(event) {
    // A search field would empty itself.
    if (event.target.matches("#pb-app input, #pb-app select")) this.take(event, () => this.list.focus());
    else if (document.documentElement.classList.contains("pb-filled")) this.toggleFilled();
  }

  /** Keys work where the browser has the focus, or fills most of the screen while nothing has it. */
  takesKeys(target) {
    if (!this.areKeysOn || target.matches("input:not([type=checkbox]), select, textarea")) return false;
    if (this.app.parentElement.contains(target)) return true;
    const box = this.app.getBoundingClientRect();
    const inView = Math.min(box.bottom, innerHeight) - Math.max(box.top, 0);
    return target === document.body && inView > innerHeight / 2;
  }

  keyAction({ key, target }) {
    const inList = { ArrowDown: 1, ArrowUp: -1, PageDown: 10, PageUp: -10, Home: -Infinity, End: Infinity };
    if (target === this.list && key in inList) return () => this.step(inList[key]);
    return {
      j: () => this.step(1),
      k: () => this.step(-1),
      g: () => this.tick("good"),
      b: () => this.tick("bad"),
      u: () => this.tick("unsure"),
      n: () => byId("note").focus(),
      e: () => byId("export").click(),
      f: () => this.toggleFilled(),
      "/": () => byId("search").focus(),
      "?": () => byId("keys").showModal(),
    }[key];
  }

  toggleFilled() {
    const isFilled = document.documentElement.classList.toggle("pb-filled");
    byId("fill").textContent = isFilled ? "Back to the page" : "Fill the window";
    if (!isFilled) this.app.scrollIntoView({ block: "start" });
    this.list.focus({ preventScroll: true });
    this.showList();
  }
}

/** Where a pattern matches in a text node. */
function rangesOf(node, pattern) {
  return [...node.data.matchAll(pattern)].map((match) => {
    const range = new Range();
    range.setStart(node, match.index);
    range.setEnd(node, match.index + match[0].length);
    return range;
  });
}

function rowId(pair) {
  return `pb-item-${pair.index}`;
}

async function openBrowser() {
  const state = byId("state");
  if (!globalThis.DecompressionStream) {
    state.textContent =
      "This browser cannot unpack the pairs; one of 2023 or later can. The examples above need no script.";
    return;
  }
  try {
    new PairBrowser(await unpackedPairs(byId("data").textContent));
    state.hidden = true;
  } catch (problem) {
    state.textContent = `The pairs in this file cannot be read: ${problem.message}. Write the report again with seapo report.`;
  }
}

openBrowser();
