/**
 * Text of data and models on its way to the screen: always as text nodes, with what a reader cannot see written out.
 */

/** @returns {RegExp} what matches one invisible or reordering character; the ranges come with the data. */
function invisibleCharacters(ranges) {
  const escaped = ([first, last]) => `\\u{${first.toString(16)}}-\\u{${last.toString(16)}}`;
  return new RegExp(`[${ranges.map(escaped).join("")}]`, "gu");
}

/** An element with attributes and children; strings become text, never markup. */
function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== false && value !== null) made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...children);
  return made;
}

/** Nodes for a text in which each invisible character is a small label, as `U+202E`. */
function textNodes(text, invisible) {
  const nodes = [];
  const shown = text.replaceAll("\r\n", "\n");
  let position = 0;
  for (const match of shown.matchAll(invisible)) {
    if (match.index > position) nodes.push(shown.slice(position, match.index));
    const code = match[0].codePointAt(0).toString(16).toUpperCase().padStart(4, "0");
    nodes.push(element("span", { class: "unseen", title: "a character that cannot be seen" }, `U+${code}`));
    position = match.index + match[0].length;
  }
  if (position < shown.length) nodes.push(shown.slice(position));
  return nodes;
}

/** `wrong_number` as people write it. */
function spelt(name) {
  return name.replaceAll("_", " ");
}

/** A number with commas, as the rest of the page has it. */
function grouped(number) {
  return number.toLocaleString("en");
}
