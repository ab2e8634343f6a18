// The load of a site, for k6; loadtests/locustfile.py is the same for Locust.
//
//   k6 run scripts/load_test.js --vus 100 --duration 5m
//
// Of ten users seven are visitors, who read over HTTP, two follow debates on a socket, and one starts
// debates and follows them to their end. The first user is a stranger without a key, who asks more
// often than strangers may and has to be told so.
//
// Set by -e NAME=VALUE:
//   BASE_URL   default http://127.0.0.1:8080
//   API_KEY    an internal one (manage.py create_internal_key); without it nobody may start debates
//   AGENTS     names of a panel, by commas; default: the server's own choice
//   PAUSE      seconds between requests of a visitor; default 1
//   FORWARDED  1: every user is a client of its own by X-Forwarded-For, which the server has to
//              believe (ARAGORA_TRUSTED_PROXIES); without it, raise ARAGORA_IP_RATE_LIMIT
//   RESULTS    file for `python -m monitoring.slo`; default load-results.json
import http from "k6/http";
import ws from "k6/ws";
import { check, sleep } from "k6";
import { Counter, Rate } from "k6/metrics";

const BASE_URL = __ENV.BASE_URL || "http://127.0.0.1:8080";
const API_KEY = __ENV.API_KEY || "";
const AGENTS = (__ENV.AGENTS || "").split(",").filter(Boolean);
const PAUSE_SECONDS = Number(__ENV.PAUSE || 1);
const FOLLOW_SECONDS = 10;
const PING_SECONDS = 1;
const LONGEST_DEBATE_SECONDS = 60;

const sockets = new Counter("sockets");
const debates = new Counter("debates");
const limited = new Counter("limited");
const failures = new Rate("failures");

// The targets of monitoring/slo.py. A trend without samples passes in k6, so the counters stand
// beside it, and `python -m monitoring.slo` fails on what is missing.
export const options = {
  summaryTrendStats: ["avg", "min", "med", "max", "p(50)", "p(95)", "p(99)", "count"],
  thresholds: {
    "http_req_duration{judged:yes}": ["p(50)<200", "p(95)<500", "p(99)<2000"],
    "http_reqs{judged:yes}": ["rate>50", "count>0"],
    failures: ["rate<0.01"],
    sockets: ["count>0"],
    debates: ["count>0"],
    limited: ["count>0"],
  },
};

export default function () {
  const role = (__VU - 1) % 10;
  if (__VU === 1) {
    stranger();
  } else if (role < 7) {
    visit();
  } else if (role < 9) {
    follow();
  } else {
    debate();
  }
}

// --- Users --------------------------------------------------------------------------------------

function visit() {
  for (const [path, name] of [
    ["/", "the first page"],
    ["/static/css/base.css", "a static file"],
    ["/api/health", "health"],
    ["/api/v1/leaderboard", "leaderboard"],
  ]) {
    read(path, name);
    pause();
  }
  const one = anyDebate();
  if (one) {
    for (const part of ["", "/messages", "/events"]) {
      pause();
      read(`/api/v1/debates/${one}${part}`, `a debate${part}`);
    }
  }
}

function follow() {
  const one = anyDebate();
  if (!one) {
    sleep(PING_SECONDS);
    return;
  }
  onSocket(one, FOLLOW_SECONDS, (socket) => {
    const ask = () => socket.send(JSON.stringify({ type: "ping", ts: Date.now() }));
    ask();
    socket.setInterval(ask, PING_SECONDS * 1000);
    socket.setTimeout(() => socket.close(), FOLLOW_SECONDS * 1000);
    return (frame) => {
      if (frame.type === "pong") {
        sockets.add(1);
        failures.add(false);
      }
    };
  });
}

function debate() {
  const body = { task: `Should town number ${__VU}-${__ITER} build the tram?`, visibility: "public" };
  if (AGENTS.length) {
    body.agents = AGENTS;
  }
  const answer = http.post(`${BASE_URL}/api/v1/debates`, JSON.stringify(body), {
    headers: { ...headers(), "Content-Type": "application/json" },
    tags: { name: "start a debate", judged: "yes" },
  });
  if (!judge(answer, 201)) {
    sleep(1);
    return;
  }
  let status = "";
  onSocket(answer.json("id"), LONGEST_DEBATE_SECONDS, (socket) => {
    socket.setTimeout(() => socket.close(), LONGEST_DEBATE_SECONDS * 1000);
    return (frame) => {
      if (frame.type === "debate_end") {
        status = frame.data.status;
        socket.close();
      }
    };
  });
  debates.add(status === "completed" ? 1 : 0);
  failures.add(status !== "completed");
  sleep(1);
}

function stranger() {
  const answer = http.get(`${BASE_URL}/api/v1/agents`, {
    headers: __ENV.FORWARDED ? { "X-Forwarded-For": "192.0.2.1" } : {},
    tags: { name: "a stranger", judged: "no" },
    responseCallback: http.expectedStatuses(200, 429),
  });
  if (answer.status === 429) {
    const inGoodForm = Number(answer.headers["Retry-After"]) > 0;
    limited.add(inGoodForm ? 1 : 0);
    failures.add(!inGoodForm);
  }
  sleep(0.1);
}

// --- Requests and sockets -----------------------------------------------------------------------

function headers() {
  const found = API_KEY ? { Authorization: `Bearer ${API_KEY}` } : {};
  if (__ENV.FORWARDED) {
    found["X-Forwarded-For"] = `10.${__VU >> 16}.${(__VU >> 8) & 255}.${__VU & 255}`;
  }
  return found;
}

function read(path, name) {
  const answer = http.get(`${BASE_URL}${path}`, {
    headers: headers(),
    tags: { name, judged: "yes" },
  });
  judge(answer, 200);
  return answer;
}

function judge(answer, status) {
  const good = check(answer, { [`answers ${status}`]: (it) => it.status === status });
  failures.add(!good);
  return good;
}

function anyDebate() {
  const answer = read("/api/v1/debates?limit=20", "list of debates");
  const found = answer.status === 200 ? answer.json("debates") : [];
  return found.length ? found[Math.floor(Math.random() * found.length)].id : "";
}

// Follow a debate from its beginning, every event once and in order; `begin` gets the open socket and
// answers with what is to be told of each frame.
function onSocket(debateId, seconds, begin) {
  const query = `debate_id=${debateId}&since_seq=0${API_KEY ? `&token=${API_KEY}` : ""}`;
  const url = `${BASE_URL.replace(/^http/, "ws")}/ws?${query}`;
  let seq = 0;
  const answer = ws.connect(url, { headers: headers() }, (socket) => {
    let onFrame = () => {};
    socket.on("open", () => {
      onFrame = begin(socket);
    });
    socket.on("message", (text) => {
      const frame = JSON.parse(text);
      if (frame.seq && frame.type !== "sync") {
        failures.add(frame.seq !== seq + 1);
        seq = frame.seq;
      }
      onFrame(frame);
    });
    socket.on("error", () => failures.add(true));
  });
  failures.add(!check(answer, { "upgrades": (it) => it && it.status === 101 }));
}

function pause() {
  sleep(PAUSE_SECONDS * (0.5 + Math.random()));
}

// --- Results ------------------------------------------------------------------------------------

export function handleSummary(data) {
  const value = (metric, name) => data.metrics[metric]?.values[name] ?? null;
  const duration = (name) => value("http_req_duration{judged:yes}", name);
  const rate = value("failures", "rate");
  const results = {
    p50: duration("p(50)"),
    p95: duration("p(95)"),
    p99: duration("p(99)"),
    errors: rate === null ? null : rate * 100,
    throughput: value("http_reqs{judged:yes}", "rate"),
    requests: value("http_reqs{judged:yes}", "count"),
    sockets: value("sockets", "count"),
    debates: value("debates", "count"),
    limited: value("limited", "count"),
  };
  const text = JSON.stringify(results, null, 2);
  return { [__ENV.RESULTS || "load-results.json"]: text, stdout: `${text}\n` };
}
