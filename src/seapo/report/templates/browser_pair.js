/**
 * One pair on the screen: the prompt, the two answers side by side, the evidence of each check.
 */

/** What an outcome of a check looks like. */
const OUTCOMES = {
  pass: { sign: "✓", words: "passed" },
  fail: { sign: "✗", words: "failed" },
  not_judged: { sign: "–", words: "not judged" },
};
/** Characters of replacements that the list compares word by word; a row must cost little. */
const MOST_COMPARED = 1000;
/** Characters of an edit in the list. */
const LONGEST_GLIMPSE = 70;

/** Everything about a pair, as nodes. */
function pairView(pair, invisible) {
  return [
    promptView(pair.sample, invisible),
    diffView(pair, invisible),
    evidenceView(pair, invisible),
    factsView(pair, invisible),
  ];
}

/** The conversation up to the answer; earlier messages unfold. */
function promptView(sample, invisible) {
  const messages = sample.prompt.map(([role, content]) => [
    element("p", { class: "role" }, role === "user" ? "Prompt" : spelt(role)),
    element("div", { class: "text", dir: "auto" }, ...textNodes(content, invisible)),
  ]);
  const last = messages.pop();
  const view = element("div", { class: "pb-prompt" });
  if (messages.length) {
    const title = `${messages.length} earlier ${messages.length === 1 ? "message" : "messages"}`;
    view.append(element("details", {}, element("summary", {}, title), ...messages.flat()));
  }
  view.append(...last);
  return view;
}

/** Chosen answer and negative in aligned lines; long stretches without a change unfold on a click. */
function diffView(pair, invisible) {
  const isCode = pair.sample.dimension === "coding" || pair.sample.chosen.includes("```");
  const rows = alignedRows(wordSegments(pair.sample.chosen, pair.edits));
  const heads = ["Chosen answer", "Negative"].map((title) => element("p", { class: "role" }, title));
  const view = element(
    "div",
    { class: isCode ? "pb-diff code" : "pb-diff" },
    element("div", { class: "pb-row pb-heads" }, ...heads),
  );
  for (const group of foldedRows(rows)) {
    const made = group.rows.map((row) => rowView(row, invisible));
    if (!group.isFolded) {
      view.append(...made);
      continue;
    }
    const unfold = element(
      "button",
      { type: "button", class: "pb-fold" },
      `${grouped(made.length)} lines without a change`,
    );
    unfold.addEventListener("click", () => unfold.replaceWith(...made));
    view.append(unfold);
  }
  return view;
}

function rowView(row, invisible) {
  const cells = ["old", "new"].map((side) => {
    const other = side === "old" ? row.new : row.old;
    const parts = row[side].map((part, index) => partView(part, other[index], side, invisible));
    return element("div", { class: `pb-cell pb-${side}`, dir: "auto" }, ...parts.flat());
  });
  return element("div", { class: row.isChanged ? "pb-row pb-changed" : "pb-row" }, ...cells);
}

/** A stretch of an answer; where the other answer alone has text, a mark shows the place. */
function partView(part, other, side, invisible) {
  if (!part.isMarked) return textNodes(part.text, invisible);
  if (!part.text) return [element("span", { class: "place", title: "the other answer has text here" }, "‸")];
  const text = part.text.trim() ? part.text : part.text.replaceAll("\n", "↵\n").replaceAll(" ", "␣");
  const mark = element(side === "old" ? "del" : "ins", {}, ...textNodes(text, invisible));
  return [mark];
}

/** Every check with its evidence, proofs first; checks that had nothing to judge unfold. */
function evidenceView(pair, invisible) {
  const isProof = ([check]) => pair.proofs.includes(check);
  const isJudged = ([, outcome]) => outcome !== "not_judged";
  const judged = pair.checks.filter(isJudged).sort((one, other) => isProof(other) - isProof(one));
  const others = pair.checks.filter((check) => !isJudged(check));
  const table = (checks) =>
    element("table", {}, element("tbody", {}, ...checks.map((check) => evidenceRow(check, isProof(check), invisible))));
  const view = element("div", { class: "pb-evidence" }, element("p", { class: "role" }, "Checks"), table(judged));
  if (others.length) {
    const title = `${others.length} ${others.length === 1 ? "check" : "checks"} with nothing to judge here`;
    view.append(element("details", {}, element("summary", {}, title), table(others)));
  }
  return view;
}

function evidenceRow([check, outcome, evidence], isProof, invisible) {
  const { sign, words } = OUTCOMES[outcome];
  const name = element("th", { scope: "row" }, element("bdi", {}, ...textNodes(spelt(check), invisible)));
  if (isProof) name.append(" ", element("b", { class: "pb-proof" }, "proof"));
  return element(
    "tr",
    { class: `pb-${outcome}` },
    element("td", { class: "pb-sign", title: words }, element("span", { role: "img", "aria-label": words }, sign)),
    name,
    element("td", { dir: "auto" }, ...textNodes(evidence, invisible)),
  );
}

/** Where the pair comes from, and its numbers. */
function factsView(pair, invisible) {
  const facts = [
    ["Made by", `${pair.strategy}, ${pair.injector}`],
    ["Edited", `${(100 * pair.edit_ratio).toFixed(1)}% of the answer`],
    ["Severity", pair.severity ?? "not measured"],
    ["Likelihood", likelihood(pair.gap_nats)],
    ["Sample", pair.sample.id],
    ["Read from", pair.sample.where],
    ["SHA-256 of the negative", pair.sha256],
  ];
  const entries = facts.map(([name, value]) => {
    const shown = element("bdi", { class: name === "Sample" && "pb-sample-id" }, ...textNodes(value, invisible));
    return element("div", {}, element("dt", {}, name), element("dd", {}, shown));
  });
  return element("dl", { class: "pb-facts" }, ...entries);
}

function likelihood(gap) {
  if (gap === null) return "not measured";
  return `${Math.abs(gap).toFixed(1)} nats ${gap >= 0 ? "less" : "more"} likely than the chosen answer`;
}

/** The first change of a pair in one line, for the list. */
function glimpse(pair, invisible) {
  const put = pair.edits.reduce((sum, [, , replacement]) => sum + replacement.length, 0);
  const segments = put > MOST_COMPARED ? segmentsOf : wordSegments;
  const changes = segments(pair.sample.chosen, pair.edits).filter((segment) => !segment.same);
  const line = element("span", { class: "pb-glimpse", dir: "auto" });
  if (!changes.length) return line;
  const short = (text) => {
    const joined = text.replace(/\s+/g, " ").trim();
    return joined.length > LONGEST_GLIMPSE ? `${joined.slice(0, LONGEST_GLIMPSE)}…` : joined;
  };
  const [before, after] = [short(changes[0].old), short(changes[0].new)];
  if (before) line.append(element("del", {}, ...textNodes(before, invisible)));
  if (before && after) line.append(" ");
  if (after) line.append(element("ins", {}, ...textNodes(after, invisible)));
  if (changes.length > 1) line.append(` and ${changes.length - 1} more`);
  return line;
}
