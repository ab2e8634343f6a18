// A small, safe subset of Markdown as DOM nodes, for words that have just been said. The server
// renders the whole language when the page is loaded again.

import { h } from "./dom.js";

const SAFE_LINK = /^(https?:|mailto:)/i;
const BLOCK = /^(#{1,6}\s|>|\s*([-*+]|\d{1,9}[.)])\s|```|~~~)/;
const INLINE = /(`+)(?<code>[^`]|[^`].*?[^`])\1(?!`)|\*\*(?<strong>\S(?:.*?\S)?)\*\*|__(?<strong2>\S(?:.*?\S)?)__(?!\w)|\*(?<em>[^\s*](?:[^*]*[^\s*])?)\*|(?<![\w])_(?<em2>[^\s_](?:[^_]*[^\s_])?)_(?!\w)|\[(?<label>[^\]]+)\]\((?<href>[^\s()]+)(?:\s+"[^"]*")?\)/s;

/** The text as a list of block elements. */
export function renderMarkdown(text) {
  return blocks(text.replaceAll("\r\n", "\n").split("\n"));
}

function blocks(lines) {
  const made = [];
  let at = 0;
  while (at < lines.length) {
    const line = lines[at];
    const fence = /^(```+|~~~+)/.exec(line)?.[1];
    if (!line.trim()) {
      at += 1;
    } else if (fence) {
      const end = lines.findIndex((other, index) => index > at && other.startsWith(fence));
      const stop = end < 0 ? lines.length : end;
      made.push(h("pre", {}, h("code", {}, lines.slice(at + 1, stop).join("\n"))));
      at = stop + 1;
    } else if (/^#{1,6}\s/.test(line)) {
      const depth = /^#+/.exec(line)[0].length;
      made.push(h(`h${Math.min(6, depth + 3)}`, {}, inline(line.replace(/^#+\s+/, "").replace(/\s#+\s*$/, ""))));
      at += 1;
    } else if (/^>/.test(line)) {
      const stop = endOf(lines, at, (other) => /^>/.test(other));
      made.push(h("blockquote", {}, blocks(lines.slice(at, stop).map((other) => other.replace(/^>\s?/, "")))));
      at = stop;
    } else if (/^\s*([-*+]|\d{1,9}[.)])\s/.test(line)) {
      const stop = endOf(lines, at, (other) => other.trim() && (/^\s/.test(other) || /^([-*+]|\d{1,9}[.)])\s/.test(other)));
      made.push(list(lines.slice(at, stop)));
      at = stop;
    } else {
      const stop = endOf(lines, at, (other) => other.trim() && !BLOCK.test(other));
      made.push(h("p", {}, inline(lines.slice(at, stop).join("\n"))));
      at = stop;
    }
  }
  return made;
}

function endOf(lines, start, belongs) {
  let stop = start + 1;
  while (stop < lines.length && belongs(lines[stop])) stop += 1;
  return stop;
}

function list(lines) {
  const items = [];
  for (const line of lines) {
    const found = /^\s*(?:[-*+]|\d{1,9}[.)])\s+(.*)$/s.exec(line);
    if (found) items.push(found[1]);
    else items[items.length - 1] += `\n${line.trim()}`;
  }
  const tag = /^\s*\d/.test(lines[0]) ? "ol" : "ul";
  return h(tag, {}, items.map((item) => h("li", {}, inline(item))));
}

function inline(text) {
  const made = [];
  let rest = text;
  for (let found = INLINE.exec(rest); found; found = INLINE.exec(rest)) {
    made.push(rest.slice(0, found.index), mark(found));
    rest = rest.slice(found.index + found[0].length);
  }
  return [...made, rest];
}

function mark(found) {
  const { code, strong, strong2, em, em2, label, href } = found.groups;
  if (code) return h("code", {}, code.trim());
  if (strong ?? strong2) return h("strong", {}, inline(strong ?? strong2));
  if (em ?? em2) return h("em", {}, inline(em ?? em2));
  if (SAFE_LINK.test(href)) return h("a", { href, rel: "nofollow noopener noreferrer" }, inline(label));
  return found[0];
}

/** Make the citations of `sources` links: "[106]" to its document on the page, "[M1]" to what was recalled. */
export function citeIn(element, sources) {
  if (!sources.size) return element;
  const walker = document.createTreeWalker(element, NodeFilter.SHOW_TEXT);
  const texts = [];
  while (walker.nextNode()) texts.push(walker.currentNode);
  for (const text of texts) {
    if (text.parentElement.closest("a, code, pre") || !/\[M?\d/.test(text.data)) continue;
    const pieces = text.data.split(/\[(\d{1,4}|M\d{1,2})\]/).map((piece, index) => {
      if (index % 2 === 0) return piece;
      const recalled = piece.startsWith("M");
      const key = recalled ? piece : Number(piece);
      return sources.has(key) ? h("a", { href: `#${recalled ? "recalled" : "document"}-${key}` }, `[${piece}]`) : `[${piece}]`;
    });
    text.replaceWith(...pieces);
  }
  return element;
}
