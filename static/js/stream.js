// The state of a debate, and what frames of its stream do to it. No DOM, no network, no clock.
//
// A state is a snapshot (`debates.selectors.debate_snapshot`) plus `speaking`: the turns whose
// words are arriving. Durable frames change it exactly as debates/selectors/transcript.py folds
// events, so that snapshot + later frames equals a fresh snapshot.

const ENDED = new Set(["completed", "failed", "cancelled"]);

/** A state from a snapshot. */
export function createState(snapshot) {
  return { ...structuredClone(snapshot), speaking: {}, progress: null };
}

export function isOver(state) {
  return ENDED.has(state.debate.status);
}

/**
 * Let a frame happen to the state, in place.
 *
 * Returns what became out of date, as strings: "all", "status", "board", "notes", "verdict",
 * "audience", "doing", "columns", "voice:ROUND:AGENT", "ballots:ROUND", "round:ROUND", "words:TURN" — or "gap"
 * alone when frames before this one are missing; then the state is as it was.
 */
export function apply(state, frame) {
  if (frame.type === "sync") return replace(state, frame);
  if (frame.seq === undefined || frame.seq === null) return ephemeral(state, frame);
  if (!(frame.type in DURABLE)) return [];
  if (frame.epoch && frame.epoch !== state.epoch) return ["gap"];
  if (frame.seq <= state.seq) return [];
  if (frame.seq > state.seq + 1) return ["gap"];
  state.seq = frame.seq;
  const changed = DURABLE[frame.type](state, frame) ?? [];
  const turn = frame.data.turn_id;
  if (turn && frame.type !== "critique" && turn in state.speaking) {
    delete state.speaking[turn];
    changed.push("doing");
  }
  return changed;
}

function replace(state, frame) {
  const fresh = createState(frame.data.snapshot ?? frame.data);
  for (const key of Object.keys(state)) delete state[key];
  Object.assign(state, fresh);
  return ["all"];
}

// --- Durable events ---------------------------------------------------------------------------

const DURABLE = {
  debate_queued(state, { data }) {
    state.debate.status = "pending";
    state.queue_position = data.queue_position ?? state.queue_position;
    state.estimated_wait_seconds = null;
    return ["status"];
  },
  debate_start(state, { timestamp }) {
    state.debate.status = "running";
    state.debate.started_at ??= timestamp;
    state.queue_position = null;
    return ["status", "board"];
  },
  phase_change(state, { data }) {
    state.debate.status = "running";
    state.transcript.phase = state.debate.phase = data.to_phase;
    state.progress = null;
    return ["status", "doing", "columns"];
  },
  round_start(state, frame) {
    state.debate.rounds_used = frame.data.round_number;
    const round = roundOf(state, frame);
    return [`round:${round.number}`, "board", "status", "columns"];
  },
  propose: (state, frame) => [...said(state, frame, (voice) => { voice.proposal = frame.data; }), "audience"],
  revision: (state, frame) => [...said(state, frame, (voice) => { voice.revision = frame.data; }), "audience"],
  critique: (state, frame) => said(state, frame, (voice) => { voice.critiques.push(frame.data); }),
  agent_error: (state, frame) => said(state, frame, (voice) => { voice.errors.push(frame.data); }),
  vote(state, frame) {
    voiceOf(state, frame).votes.push(frame.data);
    return [`ballots:${frame.data.round_number}`];
  },
  convergence(state, frame) {
    const round = roundOf(state, frame);
    round.agreement = frame.data.agreement;
    round.stability = frame.data.stability;
    return [`round:${round.number}`, "board"];
  },
  round_end(state, frame) {
    const round = roundOf(state, frame);
    round.ended_at = frame.timestamp;
    round.duration_seconds = frame.data.duration_seconds;
    return [];
  },
  consensus(state, { data }) {
    state.transcript.verdict = data;
    return ["verdict", "status"];
  },
  consensus_reached: () => [],
  user_vote(state, { data }) {
    state.transcript.audience = data.tally;
    return ["audience"];
  },
  debate_paused(state, frame) {
    state.debate.status = "paused";
    return note(state, frame, ["status", "doing"]);
  },
  debate_resumed(state, frame) {
    state.debate.status = "running";
    state.queue_position = null;
    return note(state, frame, ["status", "columns", "doing"]);
  },
  debate_cancelled(state, frame) {
    state.debate.status = "cancelled";
    state.debate.stop_reason ||= "cancelled";
    state.speaking = {};
    return note(state, frame, ["all"]);
  },
  debate_failed(state, frame) {
    state.debate.status = "failed";
    state.debate.failure = frame.data.message;
    state.debate.stop_reason = frame.data.reason;
    state.speaking = {};
    return note(state, frame, ["all"]);
  },
  debate_end(state, { data, timestamp }) {
    state.transcript.end = data;
    state.transcript.phase = "";
    Object.assign(state.debate, {
      status: data.status,
      stop_reason: data.stop_reason,
      rounds_used: data.rounds_used,
      duration_seconds: data.duration_seconds,
      completed_at: timestamp,
      in_progress: false,
    });
    state.debate.usage.tokens = data.tokens;
    state.debate.usage.cost_usd = data.cost_usd;
    state.speaking = {};
    state.progress = null;
    return ["all"];
  },
};
for (const type of [
  "agent_message", "synthesis", "hollow_consensus", "intervention", "audience_suggestion",
  "memory_recall", "match_recorded",
]) {
  DURABLE[type] = (state, frame) => note(state, frame, []);
}

function said(state, frame, change) {
  change(voiceOf(state, frame));
  return [`voice:${frame.data.round_number}:${frame.data.agent}`];
}

function note(state, frame, changed) {
  const { seq, type, timestamp, round, agent, data } = frame;
  state.transcript.notes.push({ seq, type, timestamp, round, agent, data });
  return [...changed, "notes"];
}

function roundOf(state, frame) {
  const number = frame.data.round_number;
  const rounds = state.transcript.rounds;
  let round = rounds.findLast((known) => known.number === number);
  if (!round) {
    round = {
      number,
      started_at: frame.timestamp,
      ended_at: null,
      duration_seconds: null,
      agreement: null,
      stability: null,
      agents: state.transcript.agents.map(silent),
    };
    rounds.push(round);
  }
  return round;
}

function voiceOf(state, frame) {
  const { agents } = roundOf(state, frame);
  let voice = agents.find((known) => known.agent === frame.data.agent);
  if (!voice) agents.push((voice = silent(frame.data.agent)));
  return voice;
}

function silent(agent) {
  return { agent, proposal: null, revision: null, critiques: [], votes: [], errors: [] };
}

/**
 * The answers that somebody stands behind now, oldest first: { candidate, answer, holders, votes }.
 */
export function standingAnswers({ transcript }) {
  const positions = new Map();
  const answers = new Map();
  for (const round of transcript.rounds) {
    for (const voice of round.agents) {
      for (const said of [voice.proposal, voice.revision]) {
        if (!said?.candidate) continue;
        positions.set(voice.agent, said.candidate);
        if (!answers.has(said.candidate)) answers.set(said.candidate, said.answer);
      }
    }
  }
  const votes = new Map(transcript.audience.candidates.map((count) => [count.candidate, count.votes]));
  return [...answers].map(([candidate, answer]) => ({
    candidate,
    answer,
    holders: transcript.agents.filter((agent) => positions.get(agent) === candidate),
    votes: votes.get(candidate) ?? 0,
  })).filter((answer) => answer.holders.length > 0);
}

// --- Words as they come -----------------------------------------------------------------------

/** Length in Unicode code points, as the server counts. */
const points = (text) => [...text].length;

function ephemeral(state, frame) {
  const { type, data } = frame;
  if (isOver(state)) return [];
  if (type === "token_start" || type === "agent_thinking") {
    const turn = state.speaking[data.turn_id];
    if (turn && type === "agent_thinking") {
      turn.message = data.message;
      return ["doing"];
    }
    state.speaking[data.turn_id] = begun(data, type === "agent_thinking" ? data.message : "");
    return [`words:${data.turn_id}`, "doing"];
  }
  if (type === "token_delta") {
    const known = data.turn_id in state.speaking;
    const turn = (state.speaking[data.turn_id] ??= begun({ ...data, ...parseTurn(data.turn_id) }, ""));
    hear(turn, data.offset, data.text);
    return known ? [`words:${data.turn_id}`] : [`words:${data.turn_id}`, "doing"];
  }
  if (type === "token_end" && data.turn_id in state.speaking) {
    state.speaking[data.turn_id].ended = true;
    return ["doing"];
  }
  if (type === "queue_position") {
    if (state.debate.status !== "pending") return [];
    state.queue_position = data.queue_position;
    state.estimated_wait_seconds = data.estimated_wait_seconds;
    return ["status"];
  }
  if (type === "phase_progress") {
    state.progress = data;
    return ["status"];
  }
  return [];
}

function begun(data, message) {
  return {
    agent: data.agent,
    round: data.round_number,
    phase: data.phase,
    message,
    text: "",
    length: 0,
    ended: false,
  };
}

/** "1:exchange:ada" names its round and phase. */
function parseTurn(turn) {
  const [round, phase] = turn.split(":");
  return { round_number: Number(round), phase };
}

/** Add what is new; an ellipsis stands for words that were missed. */
function hear(turn, offset, text) {
  const length = points(text);
  if (offset + length <= turn.length) return;
  if (offset > turn.length) turn.text += "… ";
  turn.text += offset < turn.length ? [...text].slice(turn.length - offset).join("") : text;
  turn.length = offset + length;
}
