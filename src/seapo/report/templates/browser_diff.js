/**
 * The edits of a negative, word by word: from what changed in the chosen answer to two columns of aligned lines.
 *
 * A segment is a stretch of both answers: `{ old, new, same }`. Stretches that are the same have one text.
 */

/** Scripts that put no blanks between words; there each character counts as a word. */
const UNSPACED = "\\p{sc=Han}\\p{sc=Hiragana}\\p{sc=Katakana}\\p{sc=Thai}\\p{sc=Lao}\\p{sc=Khmer}\\p{sc=Myanmar}";
const IN_WORD = `(?![${UNSPACED}])[\\p{L}\\p{N}\\p{M}_]`;
const TOKEN = new RegExp(`(?:${IN_WORD})+|\\s+|[^]`, "gu");
const ENDS_IN_WORD = new RegExp(`(?:${IN_WORD})+$`, "u");
const BEGINS_IN_WORD = new RegExp(`^(?:${IN_WORD})+`, "u");
const HAS_WORD = /[\p{L}\p{N}]/u;
/** Cells of the table that the comparison of one edit may fill; beyond it the edit is marked whole. */
const MOST_CELLS = 1_000_000;
/** Lines without a change that stay in view before and after one that has some. */
const CONTEXT_LINES = 2;

/** The answers in segments; each change covers whole words, though an edit may replace a part of one. */
function segmentsOf(chosen, edits) {
  const segments = [];
  let position = 0;
  for (const [start, end, replacement] of edits) {
    if (start > position) segments.push(sameSegment(chosen.slice(position, start)));
    segments.push({ old: chosen.slice(start, end), new: replacement, same: false });
    position = end;
  }
  if (position < chosen.length) segments.push(sameSegment(chosen.slice(position)));
  return merged(widened(segments));
}

function sameSegment(text) {
  return { old: text, new: text, same: true };
}

/** Moves the parts of words that border on a change into it. */
function widened(segments) {
  segments.forEach((segment, index) => {
    if (!segment.same) return;
    const [before, after] = [segments[index - 1], segments[index + 1]];
    if (before && (ENDS_IN_WORD.test(before.old) || ENDS_IN_WORD.test(before.new))) {
      const head = segment.old.match(BEGINS_IN_WORD)?.[0] ?? "";
      before.old += head;
      before.new += head;
      segments[index] = segment = sameSegment(segment.old.slice(head.length));
    }
    if (after && (BEGINS_IN_WORD.test(after.old) || BEGINS_IN_WORD.test(after.new))) {
      const tail = segment.old.match(ENDS_IN_WORD)?.[0] ?? "";
      after.old = tail + after.old;
      after.new = tail + after.new;
      segments[index] = sameSegment(segment.old.slice(0, segment.old.length - tail.length));
    }
  });
  return segments.filter((segment) => segment.old || segment.new);
}

/** Neighbours of the same kind become one; a gap without a word between two changes belongs to them. */
function merged(segments) {
  const kept = [];
  segments.forEach((segment, index) => {
    const last = kept.at(-1);
    const next = segments[index + 1];
    const isGap = segment.same && last && !last.same && next && !next.same && !HAS_WORD.test(segment.old);
    const isLineEnd = segment.old.includes("\n");
    if (last && (last.same === segment.same || (isGap && !isLineEnd))) {
      last.old += segment.old;
      last.new += segment.new;
    } else {
      kept.push({ ...segment });
    }
  });
  return kept;
}

/** The segments with each change compared word by word. */
function wordSegments(chosen, edits) {
  const parts = segmentsOf(chosen, edits).flatMap((segment) =>
    segment.same || !segment.old || !segment.new ? [segment] : comparedWords(segment),
  );
  return merged(parts);
}

/** A change as the shortest list of kept and replaced words (longest common subsequence). */
function comparedWords(segment) {
  const [before, after] = [segment.old.match(TOKEN), segment.new.match(TOKEN)];
  if (before.length * after.length > MOST_CELLS) return [segment];
  const lengths = commonLengths(before, after);
  const width = after.length + 1;
  const parts = [];
  let [i, j] = [0, 0];
  while (i < before.length || j < after.length) {
    const isKept = i < before.length && j < after.length && before[i] === after[j];
    if (isKept) {
      parts.push(sameSegment(before[i++]));
      j++;
    } else if (
      j === after.length ||
      (i < before.length && lengths[(i + 1) * width + j] >= lengths[i * width + j + 1])
    ) {
      parts.push({ old: before[i++], new: "", same: false });
    } else {
      parts.push({ old: "", new: after[j++], same: false });
    }
  }
  return merged(parts);
}

/** [i, j] in one array: how many words the rests from word i and from word j have in common, in order. */
function commonLengths(before, after) {
  const width = after.length + 1;
  const lengths = new Uint16Array((before.length + 1) * width);
  for (let i = before.length - 1; i >= 0; i--) {
    for (let j = after.length - 1; j >= 0; j--) {
      const longer = Math.max(lengths[(i + 1) * width + j], lengths[i * width + j + 1]);
      lengths[i * width + j] = before[i] === after[j] ? lengths[(i + 1) * width + j + 1] + 1 : longer;
    }
  }
  return lengths;
}

/** Rows `{ old, new, isChanged }`, each side a list of `{ text, isMarked }`; a row ends where both answers end a line. */
function alignedRows(segments) {
  const rows = [{ old: [], new: [], isChanged: false }];
  for (const segment of segments) {
    if (!segment.same) {
      const row = rows.at(-1);
      row.isChanged = true;
      row.old.push({ text: segment.old, isMarked: true });
      row.new.push({ text: segment.new, isMarked: true });
      continue;
    }
    segment.old.split(/\r?\n/).forEach((line, index) => {
      if (index) rows.push({ old: [], new: [], isChanged: false });
      rows.at(-1).old.push({ text: line, isMarked: false });
      rows.at(-1).new.push({ text: line, isMarked: false });
    });
  }
  return rows;
}

/** Rows in groups `{ rows, isFolded }`: long stretches without a change fold, but for the lines beside one. */
function foldedRows(rows) {
  const isNear = rows.map((_, index) => {
    const around = rows.slice(Math.max(0, index - CONTEXT_LINES), index + CONTEXT_LINES + 1);
    return around.some((row) => row.isChanged);
  });
  const groups = [];
  rows.forEach((row, index) => {
    const isFolded = !isNear[index];
    if (groups.at(-1)?.isFolded !== isFolded) groups.push({ rows: [], isFolded });
    groups.at(-1).rows.push(row);
  });
  // A fold of a line or two costs more attention than the lines do.
  return groups.map((group) => ({ ...group, isFolded: group.isFolded && group.rows.length > 3 && rows.length > 12 }));
}
