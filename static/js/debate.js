// The debate page. Without this module the page reads as it stands; with it, it follows the debate.

import { setUpAudience } from "./audience.js";
import { Connection } from "./connection.js";
import { h } from "./dom.js";
import { Renderer } from "./render.js";
import { acknowledgeSending } from "./sending.js";
import { apply, createState, isOver, standingAnswers } from "./stream.js";

const SPOKEN_PHASES = new Set(["draft", "propose", "exchange", "critique", "revise"]);
const FIGURES_AFTER_MS = 500;
const FIGURES_SPREAD_MS = 1500;

const root = document.querySelector("[data-debate]");
const slot = (name) => root.querySelector(`[data-slot="${name}"]`);
const announce = (text) => { root.querySelector("[data-announce]").textContent = text; };

// --- Following a debate that is not over -----------------------------------------------------

function setUpFollowing() {
  const source = document.getElementById("debate-live");
  if (!source) return;
  const { snapshot, words, sources, price_known: priceKnown, socket_url: socketUrl, events_url: eventsUrl, debate_url: debateUrl } = JSON.parse(source.textContent);
  new Follower(createState(snapshot), words, { sources, priceKnown, socketUrl, eventsUrl, debateUrl }).start();
  if (root.querySelector("[data-audience]")) setUpAudience(root, debateUrl);
}

class Follower {
  constructor(state, words, { debateUrl, sources, priceKnown, ...urls }) {
    this.state = state;
    this.debateUrl = debateUrl;
    this.words = words;
    this.renderer = new Renderer(state, words, { sources, priceKnown });
    this.dirty = new Set();
    this.texts = new Map();
    this.frame = 0;
    this.saidStatus = state.debate.status;
    this.connection = new Connection({
      ...urls,
      position: () => ({ debateId: state.debate.id, seq: this.state.seq, epoch: this.state.epoch }),
      onFrame: (frame) => this.receive(frame),
      onState: (name) => this.showConnection(name),
    });
  }

  start() {
    root.querySelector("[data-livebar]").hidden = false;
    this.setUpFollow();
    this.update(["status", "columns", "doing"]);
    this.showConnection("connecting");
    this.connection.open();
    return this;
  }

  receive(frame) {
    const changed = apply(this.state, frame);
    if (changed.includes("gap")) return false;
    this.update(changed);
    if (frame.type === "round_end" || frame.type === "debate_end") this.refreshFiguresSoon();
    return true;
  }

  /**
   * Tokens and money are in no event before the last one, and calls that the end cut off are
   * counted after it: ask once a round and once at the end, not all at once.
   */
  refreshFiguresSoon() {
    clearTimeout(this.usageTimer);
    this.usageTimer = setTimeout(async () => {
      try {
        const answer = await fetch(this.debateUrl, { headers: { Accept: "application/json" } });
        if (!answer.ok) return;
        const { usage, duration_seconds: duration } = await answer.json();
        const { debate } = this.state;
        debate.usage = usage;
        if (isOver(this.state)) debate.duration_seconds = duration;
        const figures = this.renderer.figures(debate);
        for (const element of root.querySelectorAll("[data-figure]")) element.textContent = figures[element.dataset.figure];
      } catch {
        // The next round, or the end, brings newer figures.
      }
    }, FIGURES_AFTER_MS + Math.random() * FIGURES_SPREAD_MS);
  }

  /** Draw what changed with the next frame of the screen; a hidden page draws when it is seen. */
  update(changed) {
    if (!changed.length) return;
    changed.forEach((part) => this.dirty.add(part));
    this.frame ||= requestAnimationFrame(() => this.draw());
  }

  draw() {
    this.frame = 0;
    const dirty = [...this.dirty];
    this.dirty.clear();
    if (dirty.includes("all")) {
      this.drawAll();
      return;
    }
    for (const part of dirty) {
      const [kind, first, ...rest] = part.split(":");
      if (kind === "voice") this.drawVoice(Number(first), rest.join(":"));
      else if (kind === "ballots") this.drawBallots(Number(first));
      else if (kind === "round") this.drawRoundFigures(Number(first));
      else if (kind === "words") this.drawWords([first, ...rest].join(":"));
    }
    if (dirty.includes("columns")) this.drawColumns();
    if (dirty.includes("status")) this.drawStatus();
    if (dirty.includes("board")) slot("board").replaceChildren(...this.renderer.board(this.state));
    if (dirty.includes("notes")) {
      slot("notes").replaceChildren(...this.renderer.notes(this.state.transcript));
      slot("recall").replaceChildren(...this.renderer.recall(this.state.transcript));
    }
    if (dirty.includes("verdict")) this.drawVerdict();
    if (dirty.includes("audience")) this.drawAudience();
    if (dirty.includes("doing") || dirty.some((part) => /^(voice|words):/.test(part))) this.drawDoing();
    showCited();
    this.keepUp();
  }

  drawAll() {
    this.texts.clear();
    slot("rounds").replaceChildren();
    for (const round of this.state.transcript.rounds) {
      this.roundElement(round.number);
      round.agents.forEach((voice) => this.drawVoice(round.number, voice.agent));
      this.drawBallots(round.number);
    }
    this.drawColumns();
    Object.keys(this.state.speaking).forEach((turn) => this.drawWords(turn));
    slot("board").replaceChildren(...this.renderer.board(this.state));
    slot("recall").replaceChildren(...this.renderer.recall(this.state.transcript));
    slot("notes").replaceChildren(...this.renderer.notes(this.state.transcript));
    this.drawVerdict();
    this.drawAudience();
    this.drawDoing();
    this.drawStatus();
    showCited();
  }

  // --- Rounds ---

  roundOf(number) {
    return this.state.transcript.rounds.find((round) => round.number === number);
  }

  roundElement(number) {
    let element = document.getElementById(`round-${number}`);
    if (!element) {
      element = this.renderer.round(this.roundOf(number) ?? { number, agreement: null, stability: null });
      slot("rounds").append(element);
    }
    return element;
  }

  drawRoundFigures(number) {
    const element = this.roundElement(number);
    element.querySelector(".round-figures").replaceWith(this.renderer.roundFigures(this.roundOf(number)));
  }

  voiceElement(number, agent) {
    const columns = this.roundElement(number).querySelector(".columns");
    const found = [...columns.children].find((child) => child.dataset.voice === agent);
    if (found) return found;
    const made = this.renderer.voice({ agent, proposal: null, revision: null, critiques: [], errors: [] });
    const order = this.state.transcript.agents;
    const place = (name) => (order.includes(name) ? order.indexOf(name) : order.length);
    const after = [...columns.children].find((child) => place(child.dataset.voice) > place(agent));
    columns.insertBefore(made, after ?? null);
    return made;
  }

  /** Everybody who is to speak in this phase has a column from its start, so that none moves. */
  drawColumns() {
    const { debate, transcript } = this.state;
    if (debate.status !== "running" || !SPOKEN_PHASES.has(transcript.phase)) {
      root.querySelectorAll(".voice [data-waiting]").forEach((waiting) => waiting.remove());
      for (const column of root.querySelectorAll(".voice")) if (column.childElementCount === 1) column.remove();
      return;
    }
    const current = transcript.rounds.at(-1)?.number ?? debate.rounds_used;
    for (const agent of debate.agents) this.voiceElement(current, agent);
    this.drawWaiting(current);
  }

  /** Says beneath the name of everybody whose turn has no word yet that it is coming. */
  drawWaiting(number) {
    const { transcript, speaking } = this.state;
    const done = this.doneInPhase(number);
    for (const column of this.roundElement(number).querySelectorAll(".voice")) {
      const { voice: agent } = column.dataset;
      const silent = this.state.debate.status === "running" && SPOKEN_PHASES.has(transcript.phase) && !done.has(agent)
        && this.state.debate.agents.includes(agent)
        && !Object.values(speaking).some((turn) => turn.agent === agent && turn.round === number && turn.text);
      const old = column.querySelector("[data-waiting]");
      if (!silent) old?.remove();
      else {
        const turn = Object.values(speaking).findLast((speech) => speech.agent === agent && speech.round === number);
        const text = `${doing(turn ?? { phase: transcript.phase })} …`;
        if (old) old.textContent = text;
        else column.append(h("p", { class: "waiting", "data-waiting": true, "aria-hidden": "true" }, text));
      }
    }
  }

  /** Those whose turn of the present phase is over. */
  doneInPhase(number) {
    const spoken = { draft: "proposal", propose: "proposal", exchange: "revision", revise: "revision" }[this.state.transcript.phase];
    const voices = this.roundOf(number)?.agents ?? [];
    const isDone = (voice) => voice.errors.some((error) => error.phase === this.state.transcript.phase)
      || (spoken ? voice[spoken] : voice.critiques.length > 0);
    return new Set(voices.filter(isDone).map((voice) => voice.agent));
  }

  drawVoice(number, agent) {
    const voice = this.roundOf(number)?.agents.find((known) => known.agent === agent);
    if (!voice || !(voice.proposal || voice.revision || voice.critiques.length || voice.errors.length)) return;
    const old = this.voiceElement(number, agent);
    const fresh = this.renderer.voice(voice);
    fresh.classList.add("arrived");
    const open = Object.entries(this.state.speaking).filter(([, turn]) => turn.agent === agent && turn.round === number);
    old.replaceWith(fresh);
    for (const [turn] of open) {
      this.texts.delete(turn);
      this.drawWords(turn);
    }
  }

  drawBallots(number) {
    const round = this.roundOf(number);
    if (round) this.roundElement(number).querySelector(".ballots").replaceChildren(...this.renderer.ballots(round));
  }

  /** The words of a turn so far: only what is new touches the page. */
  drawWords(turn) {
    const speech = this.state.speaking[turn];
    if (!speech || !speech.text) return;
    let node = this.texts.get(turn);
    if (!node?.isConnected) {
      node = document.createTextNode("");
      this.texts.set(turn, node);
      this.voiceElement(speech.round, speech.agent).append(h("div", { class: "speaking", "data-turn": turn, "aria-hidden": "true" }, h("span", {}, node)));
    }
    const text = tidy(speech.text);
    if (text.startsWith(node.data)) node.appendData(text.slice(node.length));
    else node.data = text;
  }

  // --- Around the rounds ---

  drawDoing() {
    const turns = Object.values(this.state.speaking);
    for (const [turn, node] of this.texts) {
      if (!(turn in this.state.speaking)) {
        node.parentElement?.closest(".speaking")?.remove();
        this.texts.delete(turn);
      }
    }
    const current = this.state.transcript.rounds.at(-1)?.number;
    if (current !== undefined && !isOver(this.state)) this.drawWaiting(current);
    for (const item of root.querySelectorAll("[data-agent]")) {
      const turn = turns.findLast((speech) => speech.agent === item.dataset.agent);
      item.toggleAttribute("data-active", Boolean(turn) && !turn.ended);
      item.querySelector("[data-doing]").textContent = turn && !turn.ended ? doing(turn) : "";
    }
  }

  drawVerdict() {
    const place = slot("verdict");
    const was = place.childElementCount > 0;
    place.replaceChildren(...this.renderer.verdict(this.state));
    slot("board").hidden = Boolean(this.state.transcript.verdict);
    document.querySelector("[data-outcome]").hidden = !this.state.transcript.verdict?.reached;
    const verdict = this.state.transcript.verdict;
    if (verdict && !was) announce(verdict.reached ? `The verdict: ${verdict.result}` : verdict.method === "none" ? "The debate is over. The positions stand side by side." : "The debate ended without a decision.");
  }

  /** The answers that may be voted for; what this reader has chosen stays chosen. */
  drawAudience() {
    const intervening = root.querySelector("[data-intervening]");
    if (intervening) intervening.hidden = isOver(this.state);
    const section = root.querySelector("[data-audience]");
    if (!section) return;
    const box = section.querySelector("[data-answers]");
    const standing = standingAnswers(this.state);
    const chosen = box.querySelector("input:checked")?.value;
    const focused = box.contains(document.activeElement) ? document.activeElement.value : null;
    section.hidden = isOver(this.state);
    section.querySelector("[data-voting]").hidden = standing.length === 0;
    box.replaceChildren(...this.renderer.answers(standing, chosen));
    if (focused) box.querySelector(`input[value="${CSS.escape(focused)}"]`)?.focus();
  }

  drawStatus() {
    const { debate, transcript } = this.state;
    const { label } = this.words.statuses[debate.status];
    root.dataset.status = debate.status;
    const pill = slot("status");
    pill.dataset.status = debate.status;
    pill.textContent = label;
    slot("state").replaceChildren(...this.renderer.state(this.state));
    if (debate.status !== this.saidStatus && !this.state.transcript.verdict) announce(`The debate is now: ${label}.`);
    this.saidStatus = debate.status;
    const allowed = this.words.controls[debate.status] ?? [];
    for (const control of root.querySelectorAll("[data-action]")) {
      control.hidden = !allowed.includes(control.dataset.action) || (control.dataset.action === "stop" && !debate.started_at);
    }
    this.drawNow();
    const decided = Boolean(transcript.verdict), over = isOver(this.state);
    for (const one of root.querySelectorAll("[data-when-decided]")) one.hidden = !decided;
    for (const one of root.querySelectorAll("[data-when-over]")) one.hidden = !over;
    for (const one of root.querySelectorAll("[data-at-rest]")) one.hidden = !over && debate.status !== "created";
    root.querySelector("[data-receipt]").hidden = !over;
    if (over) {
      this.follow(false);
      this.followButton.hidden = true;
      this.leaveWithVerdict();
      this.connection.close();
    }
  }

  drawNow() {
    const { debate, transcript, progress } = this.state;
    const now = root.querySelector("[data-now]");
    if (transcript.verdict) {
      now.replaceChildren(h("a", { class: "button button-primary", href: "#verdict" }, transcript.verdict.reached ? "Read the verdict" : transcript.verdict.method === "none" ? "Read the positions" : "It ended without a decision"));
    } else if (debate.status === "running" && this.words.phases[transcript.phase]) {
      const count = progress?.phase === transcript.phase ? `, ${progress.done} of ${progress.total} done` : "";
      now.textContent = `${debate.rounds_used ? `Round ${debate.rounds_used}: ` : ""}${this.words.phases[transcript.phase].label}${count}`;
    } else {
      now.textContent = this.words.statuses[debate.status].line;
    }
  }

  showConnection(name) {
    const element = root.querySelector("[data-connection]");
    const label = {
      connecting: "Connecting", live: "Live", reconnecting: "Connection lost, trying again",
      polling: "Following, every two seconds", over: "Over",
    }[name];
    if (element.dataset.state === name && element.textContent === label) return;
    element.dataset.state = name;
    element.textContent = label;
  }

  /** Once the debate is over the bar only leads to the verdict: it goes when that is in view. */
  leaveWithVerdict() {
    const target = document.getElementById("verdict") ?? slot("state");
    const bar = root.querySelector("[data-livebar]");
    new IntersectionObserver((entries, observer) => {
      if (!entries.some((entry) => entry.isIntersecting)) return;
      observer.disconnect();
      bar.hidden = true;
    }).observe(target);
  }

  // --- Keeping the newest words in view, for those who ask for it ---

  setUpFollow() {
    this.followButton = root.querySelector("[data-follow]");
    this.followButton.addEventListener("click", () => this.follow(!this.following));
    for (const type of ["wheel", "touchmove"]) addEventListener(type, () => this.follow(false), { passive: true });
    addEventListener("keydown", (event) => {
      if (/^(Arrow|Page|Home|End)/.test(event.key)) this.follow(false);
    });
  }

  follow(on) {
    this.following = on;
    this.followButton.setAttribute("aria-pressed", String(on));
    if (on) this.keepUp();
  }

  keepUp() {
    if (!this.following) return;
    const ends = [...root.querySelectorAll(".speaking, .arrived, .ballots > *")].map((element) => element.getBoundingClientRect().bottom);
    const below = Math.max(...ends, 0) - (innerHeight - 120);
    if (below > 0) scrollBy({ top: below, behavior: "instant" });
  }
}

/** Answers come in labelled sections; on the way they read better with fewer capitals. */
function tidy(text) {
  return text
    .replace(/(^|\n)[A-Z ]{1,20}$/, "$1")
    .replace(/^[*_#\s]*([A-Z][A-Z ]{3,20}):[*_]*[ \t]*/gm, (_, label) =>
      label === "REASONING" ? "" : `${label[0]}${label.slice(1).replace(/[A-Z]{2,}/g, (word) => word.toLowerCase())}: `);
}

function doing(turn) {
  if (turn.message && !turn.text) return turn.message;
  return { draft: "is drafting", propose: "is proposing", exchange: "is answering", critique: "is objecting", revise: "is revising", vote: "is voting", judge: "is judging" }[turn.phase] ?? "is at work";
}

/** The texts that come with the server stand in the list once somebody has cited them. */
function showCited() {
  for (const entry of root.querySelectorAll(".document-list > li[hidden]")) {
    const { id } = entry.querySelector(".document-text");
    entry.hidden = !root.querySelector(`a[href="#${id}"]`);
  }
}

// --- Controls --------------------------------------------------------------------------------

function setUpDialogs() {
  const cancel = document.getElementById("cancel-dialog");
  root.querySelector('a[data-action="cancel"]')?.addEventListener("click", (event) => {
    event.preventDefault();
    cancel.showModal();
  });
  for (const button of document.querySelectorAll("dialog [data-close]")) {
    button.addEventListener("click", () => button.closest("dialog").close());
  }
  const shortcuts = root.querySelector("[data-shortcuts]");
  shortcuts.hidden = false;
  shortcuts.addEventListener("click", () => document.getElementById("shortcuts-dialog").showModal());
}

/** A menu is left by Escape, by a press beside it, and when the focus moves on. */
function setUpMenu() {
  const menu = root.querySelector("[data-menu]");
  const summary = menu.querySelector("summary");
  menu.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !menu.open) return;
    menu.open = false;
    summary.focus();
  });
  menu.addEventListener("focusout", (event) => {
    if (event.relatedTarget && !menu.contains(event.relatedTarget)) menu.open = false;
  });
  document.addEventListener("pointerdown", (event) => {
    if (!menu.contains(event.target)) menu.open = false;
  });
}

function setUpShare() {
  const button = root.querySelector("[data-share]");
  if (!navigator.clipboard) return;
  button.hidden = false;
  const label = button.textContent;
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(location.origin + location.pathname);
    button.textContent = "Copied";
    announce("The link was copied.");
    setTimeout(() => { button.textContent = label; }, 2000);
  });
}

function setUpKeys() {
  const press = (selector) => root.querySelector(selector)?.click();
  const keys = {
    "?": () => document.getElementById("shortcuts-dialog").showModal(),
    v: () => focusOn(document.getElementById("verdict")),
    f: () => press("[data-livebar]:not([hidden]) [data-follow]:not([hidden])"),
    j: () => moveByRound(1),
    k: () => moveByRound(-1),
    p: () => press('[data-action="pause"]:not([hidden]), [data-action="resume"]:not([hidden])'),
    c: () => press("[data-share]:not([hidden])"),
  };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
    if (event.target.closest("input, textarea, select, [contenteditable]")) return;
    const action = keys[event.key];
    if (!action) return;
    event.preventDefault();
    action();
  });
}

function focusOn(element) {
  if (!element) return;
  element.focus({ preventScroll: true });
  element.scrollIntoView({ behavior: "smooth", block: "start" });
}

function moveByRound(step) {
  const headings = [...root.querySelectorAll(".round h2")];
  const at = headings.indexOf(document.activeElement);
  const seen = at >= 0 ? at : headings.findLastIndex((heading) => heading.getBoundingClientRect().top < 120);
  focusOn(headings[Math.min(headings.length - 1, Math.max(0, seen + step))]);
}

/** The strength of a vote is said in figures too. */
function setUpStrength() {
  const range = root.querySelector('input[name="intensity"]');
  if (!range) return;
  const output = root.querySelector("[data-strength]");
  const show = () => { output.textContent = range.value; };
  range.addEventListener("input", show);
  show();
}

setUpDialogs();
acknowledgeSending();
setUpMenu();
setUpShare();
setUpStrength();
setUpFollowing();
setUpKeys();
