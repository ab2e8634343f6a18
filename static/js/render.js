// The parts of a debate as elements, from a state of stream.js. They look as the templates in
// templates/web/parts make them.

import { h, svg } from "./dom.js";
import { cost, day, percent, seconds, thousands, truncate, wait } from "./figures.js";
import { citeIn, renderMarkdown } from "./markdown.js";

const BARE = /^(\[(\d{1,4}|M\d{1,2})\][\s,;.]*)+$/;
const CITED = /\[(\d{1,4}|M\d{1,2})\]/g;
const COLOURS = 10;
const BY_EXTRACTIVE_AGENTS = ", by extractive agents, not language models";
const LONG_TEXT = 220;
const SHORT_TEXT = 24;

/** Knows the seats and the words of one debate. */
export class Renderer {
  /**
   * `words`: { statuses, decisions, stop_reasons, phases }, each { word: { label, line } };
   * `sources`: the numbers of the documents on the page, which citations lead to; `priceKnown`:
   * whether the prices of all agents are.
   */
  constructor(state, words, { sources = [], priceKnown = true } = {}) {
    this.words = words;
    this.sources = new Set(sources);
    this.priceKnown = priceKnown;
    this.judge = state.debate.judge?.name;
    this.seats = new Map(state.debate.panel.map((card, index) => [card.name, index % COLOURS]));
  }

  seat(name) {
    return this.seats.get(name) ?? "";
  }

  who(name) {
    return h("span", { class: "who", "data-seat": this.seat(name) }, name);
  }

  pebble(name, hollow = false) {
    return h("i", { class: hollow ? "pebble pebble-hollow" : "pebble", "data-seat": this.seat(name), "aria-hidden": "true" });
  }

  pebbles(names) {
    return h("span", { class: "pebbles", "aria-hidden": "true" }, names.map((name) => this.pebble(name)));
  }

  cited(element) {
    return citeIn(element, this.sources);
  }

  // --- Rounds ---

  round(round) {
    const id = `round-${round.number}`;
    return h("section", { class: "round", id, "data-round": round.number, "aria-labelledby": `${id}-title` },
      h("header", {},
        h("h2", { id: `${id}-title`, tabindex: "-1" }, round.number ? `Round ${round.number}` : "Blind drafts"),
        this.roundFigures(round)),
      h("div", { class: "columns" }),
      h("div", { class: "ballots" }));
  }

  roundFigures(round) {
    const figure = (label, share) => share === null ? null
      : h("div", {}, h("dt", {}, label), h("dd", {}, percent(share), " ", bar(share)));
    return h("dl", { class: "round-figures figures" }, figure("Agreement", round.agreement), figure("Stability", round.stability));
  }

  voice(voice) {
    const { agent, proposal, revision, critiques, errors } = voice;
    return this.cited(h("article", { class: "voice", "data-seat": this.seat(agent), "data-voice": agent, "aria-label": agent },
      h("h3", {}, h("i", { class: "pebble", "aria-hidden": "true" }), h("span", { class: "who" }, agent)),
      proposal && this.position(proposal),
      critiques.length > 0 && h("ul", { class: "remarks" }, critiques.map((critique) => this.remark(critique))),
      revision && this.position(revision, revision),
      errors.map((error) => h("div", { class: "failed-turn" },
        h("p", {}, h("b", {}, "No answer."), " ", error.message), h("p", { class: "tiny muted" }, error.code)))));
  }

  position(position, revision = null) {
    const { words, restsOn } = evidenceOf(position);
    return h("div", { class: "position" },
      revision && turnMark(revision),
      revision?.changed && revision.faulty_step && h("p", { class: "faulty" }, h("span", { class: "muted" }, "Faulty step:"), " ", revision.faulty_step),
      h("p", { class: "answer" }, position.answer),
      position.rationale && h("div", { class: "prose" }, renderMarkdown(position.rationale)),
      words.length > 0 && h("details", { class: "evidence" },
        h("summary", {}, `${words.length} piece${words.length === 1 ? "" : "s"} of evidence`),
        h("ul", {}, words.map((item) => h("li", {}, item)))),
      restsOn && h("p", { class: "small muted" }, `Rests on ${restsOn}`),
      h("p", { class: "sure figures" }, `Says it is ${percent(position.confidence)} sure`));
  }

  remark(critique) {
    const issues = critique.issues.filter((issue) => !critique.content.includes(issue));
    return h("li", {},
      h("p", { class: "remark-head" }, "Against ", this.who(critique.target_agent), " ",
        h("span", { class: "severity" }, "severity ", h("b", { class: "figures" }, percent(critique.severity)))),
      h("div", { class: "prose" }, renderMarkdown(critique.content)),
      issues.length > 0 && h("ul", { class: "issues" }, issues.map((issue) => h("li", {}, issue))));
  }

  ballots(round) {
    const votes = round.agents.flatMap((agent) => agent.votes);
    const panel = grouped(votes.filter((vote) => vote.agent !== this.judge));
    const readings = grouped(votes.filter((vote) => vote.agent === this.judge));
    return [
      ...(panel.length ? [h("h3", {}, "Ballots"), this.cited(h("ul", {}, panel.map(([answer, cast]) => h("li", {},
        h("p", { class: "pile-answer" }, truncate(answer, 200)),
        h("details", {},
          h("summary", {}, this.pebbles(cast.map((vote) => vote.agent)), counted(cast.length)),
          h("ul", {}, cast.map((vote) => h("li", {}, this.who(vote.agent), " ",
            h("span", { class: "muted figures" }, `${percent(vote.confidence)} sure`), vote.reasoning && ` ${vote.reasoning}`))))))))] : []),
      ...(readings.length ? [h("h3", {}, "The judge, asked twice"), this.cited(h("ul", {}, readings.map(([answer, cast]) => h("li", {},
        h("p", { class: "pile-answer" }, truncate(answer, 200)),
        h("details", {},
          h("summary", {}, cast.length === 1 ? "Selected once" : "Selected in both orders"),
          h("ul", {}, cast.map((vote) => h("li", {}, h("span", { class: "who" }, vote.agent), vote.reasoning && ` ${vote.reasoning}`))))))))] : []),
    ];
  }

  // --- Around the rounds ---

  board(state) {
    const { debate, transcript } = state;
    const latest = transcript.rounds.findLast((round) => round.agreement !== null);
    const cell = (label, ...value) => h("div", {}, h("dt", {}, label), h("dd", {}, value));
    const figure = (label, name) => h("div", {}, h("dt", {}, label), h("dd", { "data-figure": name }, this.figures(debate)[name]));
    return [
      h("dl", { class: "figures" },
        cell("Round", String(debate.rounds_used), " ", h("span", { class: "muted" }, `of at most ${debate.total_rounds}`)),
        cell("Agreement", percent(latest?.agreement), " ", bar(latest?.agreement ?? 0)),
        cell("Stability", percent(latest?.stability), " ", bar(latest?.stability ?? 0)),
        figure("Tokens", "tokens"),
        figure("Cost", "cost")),
    ];
  }

  /** What was used so far, in words: { tokens, cost, time }. */
  figures({ usage, duration_seconds: duration }) {
    return { tokens: thousands(usage.tokens), cost: cost(usage.cost_usd, this.priceKnown), time: seconds(duration) };
  }

  /** What the audience may vote for; `chosen` is the candidate that this reader has chosen. */
  answers(standing, chosen) {
    return standing.map(({ candidate, answer, holders, votes }) => h("label", { class: "choice" },
      h("input", { type: "radio", name: "choice", value: candidate, required: true, checked: candidate === chosen }),
      h("span", {}, h("b", {}, truncate(answer, 200)), " ",
        h("span", { class: "help" }, this.pebbles(holders), ` ${counted(votes)}`))));
  }

  state({ debate, queue_position: place, estimated_wait_seconds: waiting, transcript }) {
    const notice = (kind, title, text) => [h("section", { class: `notice ${kind} state`, "aria-labelledby": "state-title" },
      h("h2", { id: "state-title" }, title), h("p", {}, text))];
    switch (debate.status) {
      case "created":
        return notice("", "Not started", "Everything is ready. Nothing is asked and nothing is spent until somebody starts it.");
      case "pending":
        return notice("", place ? `Number ${place} in the queue` : "In the queue", `${wait(waiting)} You may close this page: the debate goes on without you.`);
      case "paused":
        return notice("notice-warn", "Paused", "Nothing is asked and nothing is spent until it is resumed.");
      case "failed": {
        const reason = this.words.stop_reasons[debate.stop_reason];
        return notice("notice-danger", "The debate failed", `${debate.failure || "It ended without a verdict."}${reason ? ` (${reason.label})` : ""} What was said until then is below.`);
      }
      case "cancelled":
        return notice("", "Cancelled", "Somebody ended the debate before there was a verdict. What was said until then is below.");
      default:
        return debate.status === "running" && !transcript.rounds.length
          ? notice("", "The panel is being seated", "The first words appear in a moment.") : [];
    }
  }

  recall(transcript) {
    const note = transcript.notes.find(({ type }) => type === "memory_recall");
    if (!note) return [];
    const { entries, settled = [] } = note.data;
    for (const { label } of entries) this.sources.add(label); // What is said from now on may cite them.
    return [h("section", { class: "recall", "aria-labelledby": "recall-title" },
      h("h2", { id: "recall-title" }, "What was recalled"),
      h("div", {}, onceEach(settled).map(({ newest, times }) => h("p", {}, "This question was settled before",
        times > 1 && `, in ${times} debates, last`,
        newest.completed_at && [" on ", h("time", { datetime: newest.completed_at }, day(newest.completed_at))], ": ",
        h("a", { href: `/debates/${newest.slug}/` }, newest.question), ` came to “${newest.answer}”${newest.by_language_models === false ? BY_EXTRACTIVE_AGENTS : ""}. `,
        h("a", { href: `/?build_on=${newest.slug}` }, "Build on it"))),
      entries.length > 0 && h("p", { class: "help" }, "The first round was shown this, as quoted text that may be wrong or out of date."),
      entries.length > 0 && h("ol", { class: "recalled" }, entries.map((entry) => h("li", { id: `recalled-${entry.label}` }, h("details", {},
        h("summary", {}, h("span", { class: "figures" }, `[${entry.label}]`), ` ${entry.kind.charAt(0).toUpperCase()}${entry.kind.slice(1)}: ${entry.why}`),
        h("p", { class: "recalled-text" }, entry.content),
        entry.slug && h("p", {}, h("a", { href: `/debates/${entry.slug}/` }, "The debate that left it"))))))))];
  }

  notes(transcript) {
    if (!transcript.notes.length) return [];
    return [h("section", { class: "notes", "aria-labelledby": "notes-title" },
      h("h2", { id: "notes-title" }, "In the margin"),
      h("ol", {}, transcript.notes.map((note) => {
        const { notes: words } = this.words;
        const [text, key] = words[`${note.type}:${note.data.type ?? ""}`] ?? words[note.type] ?? [note.type.replaceAll("_", " "), ""];
        const body = note.type === "match_recorded"
          ? note.data.results.map((change) => `${change.agent} ${signed(change.elo_after - change.elo_before)}`).join(", ")
          : note.data[key] ?? "";
        return h("li", {}, h("b", {}, text), body && `: ${body}`);
      })))];
  }

  // --- The verdict ---

  verdict({ transcript, debate }) {
    const verdict = transcript.verdict;
    if (!verdict) return [];
    const detail = verdict.verdict;
    const { by } = this.words.decisions[verdict.method];
    const asked = verdict.method !== "none";
    const support = verdict.reached && supportOf(detail);
    const abstained = detail.abstained ?? [];
    const reason = this.words.stop_reasons[verdict.stop_reason];
    const names = (list, hollow) => list.length
      ? list.map((name) => h("span", { class: "seat-name", "data-seat": this.seat(name) },
        h("i", { class: `pebble${hollow ? " pebble-hollow" : ""}`, "aria-hidden": "true" }), h("span", { class: "who" }, name)))
      : "Nobody";
    const length = [...verdict.result].length;
    const size = length > LONG_TEXT ? "long" : length <= SHORT_TEXT ? "short" : "";
    return [this.cited(h("section", { class: `verdict${verdict.reached || !asked ? "" : " verdict-none"}`, id: "verdict", "aria-labelledby": "verdict-title", tabindex: "-1" },
      h("div", { class: "wrap" },
        h("div", { class: "verdict-main" },
          h("h2", { class: "eyebrow", id: "verdict-title" }, verdict.reached ? `The verdict, ${by}` : asked ? `No decision, ${by}` : "The positions, side by side"),
          asked && h("p", { class: `verdict-answer ${size}` }, verdict.result),
          verdict.explanation && (!asked || verdict.explanation !== verdict.result) && h("p", { class: "verdict-explanation" }, verdict.explanation),
          detail.hollow && h("div", { class: "notice notice-warn" }, h("h3", {}, "Hollow"),
            h("p", {}, "The last majority was made only of agents that changed their answer without naming a fault in it. What the panel thought when it was blind was kept."))),
        h("dl", { class: "verdict-figures figures" },
          verdict.reached && h("div", { class: "big" }, h("dt", {}, "Confidence"), h("dd", {}, percent(verdict.confidence))),
          h("div", {}, h("dt", {}, "Agreement"), h("dd", {}, percent(verdict.agreement))),
          verdict.reached && h("div", {}, h("dt", {}, "Behind it"), h("dd", {}, names(verdict.supporting_agents, false))),
          verdict.reached && h("div", {}, h("dt", {}, "Dissent"), h("dd", {}, names(detail.dissenting.map((view) => view.agent), true))),
          abstained.length > 0 && h("div", {}, h("dt", {}, "Abstained"), h("dd", {}, names(abstained, true)))),
        support && h("section", { class: "dissent support", "aria-labelledby": "support-title" },
          h("h3", { id: "support-title" }, "For it"),
          h("blockquote", { "data-seat": this.seat(support.agent) },
            h("div", { class: "prose" }, renderMarkdown(truncate(support.rationale, 600))),
            h("footer", {}, h("span", { class: "who" }, support.agent)))),
        detail.dissenting.length > 0 && h("section", { class: "dissent", "aria-labelledby": "dissent-title" },
          h("h3", { id: "dissent-title", class: asked ? null : "visually-hidden" }, verdict.reached ? "Against it" : "Where they stand"),
          detail.dissenting.map((view) => h("blockquote", { "data-seat": this.seat(view.agent) },
            h("p", { class: "dissent-answer" }, view.answer),
            view.rationale && h("div", { class: "prose" }, renderMarkdown(view.rationale)),
            h("footer", {}, h("span", { class: "who" }, view.agent))))),
        this.count(detail),
        this.audience(detail.audience),
        h("dl", { class: "facts" },
          fact("Stopped because", `${reason.label}. `, h("span", { class: "muted" }, reason.line)),
          fact("Changes of mind", detail.flips.length ? detail.flips.map((flip) =>
            h("span", { class: "flip", "data-seat": this.seat(flip.agent) }, h("span", { class: "who" }, flip.agent), ` in round ${flip.round}${flip.reasoned ? "" : ", without naming a fault"}`)) : "None"),
          detail.order_consistent !== null && fact("Order of the answers", detail.order_consistent ? "Made no difference to the judge" : "Changed the judge's choice"),
          fact("Rounds", `${debate.rounds_used} of at most ${debate.total_rounds}`),
          ["Tokens", "Cost", "Time"].map((label) => h("div", {}, h("dt", {}, label),
            h("dd", { class: "figures", "data-figure": label.toLowerCase() }, this.figures(debate)[label.toLowerCase()])))))))];
  }

  audience(audience) {
    if (!audience) return null;
    return h("section", { class: "count", "aria-labelledby": "audience-title" },
      h("h3", { id: "audience-title" }, `The audience: ${counted(audience.voters)}, shown beside the panel's`),
      h("ol", {}, audience.candidates.map((result) => h("li", {},
        h("p", { class: "count-answer" }, truncate(result.answer, 200), !result.stands && " (left by the panel)"),
        h("p", { class: "count-marks figures" }, h("b", {}, String(result.votes)), " ", h("span", { class: "muted" }, `strength ${result.mean_intensity.toFixed(1)} of 10`))))));
  }

  count(detail) {
    if (detail.candidates.length < 2) return null;
    const votersOf = (id) => detail.ballots.filter((ballot) => ballot.ranking[0] === id).map((ballot) => ballot.voter);
    const isWinner = (candidate) => detail.reached && candidate.answer === detail.answer;
    const judged = detail.method === "judge";
    const points = (candidate) => detail.tally[candidate.id] ?? 0;
    const inWords = (candidate) => String(Number(points(candidate).toPrecision(6)));
    const ordered = detail.candidates.toSorted((a, b) => isWinner(b) - isWinner(a) || points(b) - points(a));
    const table = (id, title, marks) => h("section", { class: "count", "aria-labelledby": id },
      h("h3", { id }, title),
      h("ol", {}, ordered.map((candidate) => h("li", { class: isWinner(candidate) ? "winner" : null },
        h("p", { class: "count-answer" }, truncate(candidate.answer, 200)), marks(candidate)))));
    const title = judged ? "The panel, which did not decide" : detail.method === "none" ? "How many hold each" : "The count";
    return [
      judged && table("judge-title", "The judge, asked twice", (candidate) => h("p", { class: "count-marks figures" },
        h("b", {}, inWords(candidate)), " ", h("span", { class: "muted" }, "of 2 selections"))),
      table("count-title", title, (candidate) => {
        const voters = votersOf(candidate.id);
        return h("p", { class: "count-marks" }, this.pebbles(voters), " ",
          h("span", { class: "figures" }, h("b", {}, judged ? String(voters.length) : inWords(candidate)), " ",
            voters.length > 0 && h("span", { class: "muted" }, `from ${voters.join(", ")}`)));
      }),
    ];
  }
}

/** The winning answer's reason and who gave it; without one, that of the first ballot for it. */
function supportOf({ candidates, answer, ballots }) {
  const winner = candidates.find((candidate) => candidate.answer === answer);
  if (!winner) return null;
  if (winner.rationale.trim() && winner.authors.length) return { agent: winner.authors[0], rationale: winner.rationale };
  const ballot = ballots.find(({ ranking, reason }) => ranking[0] === winner.id && reason.trim());
  return ballot ? { agent: ballot.voter, rationale: ballot.reason } : null;
}

/** The evidence in words, and what a position rests on by citations alone that it does not name. */
function evidenceOf({ answer, rationale, evidence = [] }) {
  const isBare = (item) => BARE.test(item.trim());
  const said = `${answer}\n${rationale}`;
  const bare = evidence.filter(isBare).flatMap((item) => item.match(CITED)).filter((citation) => !said.includes(citation));
  return { words: evidence.filter((item) => !isBare(item)), restsOn: [...new Set(bare)].join(", ") };
}

/** Each question and answer once, as { newest, times }, in the order of the first. */
function onceEach(settled) {
  const alike = new Map();
  for (const one of settled) {
    const key = JSON.stringify([one.question, one.answer]);
    const { newest, times } = alike.get(key) ?? { newest: one, times: 0 };
    alike.set(key, { newest: one.completed_at > newest.completed_at ? one : newest, times: times + 1 });
  }
  return [...alike.values()];
}

export function bar(share) {
  const width = (Math.min(1, Math.max(0, share)) * 100).toFixed(1);
  return svg("svg", { class: "bar", viewBox: "0 0 100 4", preserveAspectRatio: "none", "aria-hidden": "true", focusable: "false" },
    svg("rect", { class: "track", width: "100", height: "4" }), svg("rect", { class: "fill", width, height: "4" }));
}

function turnMark({ changed, reasoned }) {
  if (!changed) return h("p", { class: "turn-mark" }, "Kept its answer");
  return reasoned
    ? h("p", { class: "turn-mark changed" }, "Changed its answer")
    : h("p", { class: "turn-mark changed unreasoned" }, "Changed its answer, naming no fault");
}

function fact(label, ...value) {
  return h("div", {}, h("dt", {}, label), h("dd", { class: "figures" }, value));
}

const counted = (votes) => `${votes} vote${votes === 1 ? "" : "s"}`;

const signed = (change) => `${change < 0 ? "" : "+"}${change.toFixed(1)}`;

/** Votes by their first choice, as [answer, votes], the most first. */
function grouped(votes) {
  const piles = new Map();
  for (const vote of votes) piles.set(vote.choice, [...(piles.get(vote.choice) ?? []), vote]);
  return [...piles].sort(([, a], [, b]) => b.length - a.length);
}
