// Keeps a debate's stream coming: a WebSocket that resumes by seq, and the events URL when sockets
// do not get through.

const FIRST_WAIT_MS = 400;
const LONGEST_WAIT_MS = 15_000;
const POLL_MS = 2_000;
const TRIES_BEFORE_POLLING = 3;

export class Connection {
  /**
   * `position()` gives { debateId, seq, epoch } to resume from; `onFrame(frame)` takes every frame
   * and may return false: frames are missing, ask again from `position()`; `onState(state)` hears
   * "connecting", "live", "reconnecting", "polling" and "over".
   */
  constructor({ socketUrl, eventsUrl, position, onFrame, onState }) {
    Object.assign(this, { socketUrl, eventsUrl, position, onFrame, onState });
    this.failures = 0;
    this.closed = false;
    this.lost = false;
    addEventListener("online", () => this.retryNow());
    addEventListener("pageshow", () => this.retryNow());
  }

  open() {
    if (this.closed || this.socket) return;
    const { debateId, seq, epoch } = this.position();
    const url = new URL(this.socketUrl, location.href);
    url.protocol = location.protocol === "https:" ? "wss:" : "ws:";
    for (const [name, value] of Object.entries({ debate_id: debateId, since_seq: seq, epoch })) url.searchParams.set(name, value);
    const socket = (this.socket = new WebSocket(url));
    socket.addEventListener("message", (event) => this.receive(JSON.parse(event.data)));
    socket.addEventListener("close", () => this.dropped(socket));
  }

  receive(frame) {
    if (frame.type === "error") {
      this.lost = true;
      this.socket?.close();
      return;
    }
    if (frame.type !== "connection_info") this.arrived();
    if (this.onFrame(frame) === false) this.socket?.close();
  }

  arrived() {
    this.failures = 0;
    this.lost = false;
    clearTimeout(this.pollTimer);
    this.polling = false;
    if (!this.closed) this.onState("live");
  }

  dropped(socket) {
    if (this.socket !== socket) return;
    this.socket = null;
    if (this.closed) return;
    this.failures += 1;
    const wait = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** (this.failures - 1));
    this.retryTimer = setTimeout(() => this.open(), wait * (0.5 + Math.random() / 2));
    if ((this.lost || this.failures >= TRIES_BEFORE_POLLING) && !this.polling) {
      this.polling = true;
      this.poll();
    } else if (!this.polling) {
      this.onState("reconnecting");
    }
  }

  retryNow() {
    if (this.closed || this.socket) return;
    clearTimeout(this.retryTimer);
    this.open();
  }

  async poll() {
    if (!this.polling || this.closed) return;
    try {
      const url = new URL(this.eventsUrl, location.href);
      url.searchParams.set("since", this.position().seq);
      const answer = await fetch(url, { headers: { Accept: "application/json" } });
      if (!answer.ok) throw new Error(String(answer.status));
      const { events } = await answer.json();
      if (!this.polling) return;
      events.forEach((frame) => this.onFrame(frame));
      if (!this.closed) this.onState("polling");
    } catch {
      if (this.polling) this.onState("reconnecting");
    }
    if (this.polling) this.pollTimer = setTimeout(() => this.poll(), POLL_MS);
  }

  /** The debate is over: nothing more will come. */
  close() {
    this.closed = true;
    this.polling = false;
    clearTimeout(this.pollTimer);
    clearTimeout(this.retryTimer);
    this.socket?.close(1000);
    this.onState("over");
  }
}
