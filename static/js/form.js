// The start form: counts, further texts, seats, the estimate. All of it also works without.

import { acknowledgeSending } from "./sending.js";
import { h, svg } from "./dom.js";

const form = document.getElementById("start");
const MAX_QUESTION = 10_000;
const ESTIMATE_AFTER_MS = 350;
const most = Number(form.dataset.maxBytes);
const inMegabytes = (size) => `${(size / 1e6).toFixed(1)} MB`;
const bytesOf = (texts) => new TextEncoder().encode(texts.join("")).length;

document.getElementById("errors")?.focus();
setUpSummary();
setUpCount();
setUpDocuments();
setUpUploads();
setUpSeats();
setUpEstimate();
setUpSubmitting();

/** A link of the error summary goes to the field itself, not only to its place. */
function setUpSummary() {
  for (const link of form.querySelectorAll(".error-summary a")) {
    link.addEventListener("click", (event) => {
      const field = document.getElementById(link.hash.slice(1));
      if (!field) return;
      event.preventDefault();
      field.closest("details")?.setAttribute("open", "");
      field.scrollIntoView({ block: "center" });
      field.focus({ preventScroll: true });
    });
  }
}

function setUpCount() {
  const question = form.elements.question;
  const count = form.querySelector("[data-count]");
  const show = () => {
    const length = [...question.value].length;
    count.textContent = length > MAX_QUESTION * 0.8 ? `${length.toLocaleString("en-US")} so far.` : "";
    count.toggleAttribute("data-over", length > MAX_QUESTION);
  };
  question.addEventListener("input", show);
  show();
}

function setUpDocuments() {
  const box = form.querySelector("[data-documents]");
  const template = document.getElementById("document-template");
  const button = form.querySelector("[data-add-document]");
  button.hidden = false;
  button.addEventListener("click", () => {
    const number = box.querySelectorAll("[data-document]").length + 1;
    const fresh = template.content.cloneNode(true).firstElementChild;
    for (const label of fresh.querySelectorAll("label")) {
      label.textContent = label.textContent.replace("NUMBER", number);
      label.htmlFor = label.htmlFor.replace("NUMBER", number);
    }
    for (const field of fresh.querySelectorAll("[id]")) field.id = field.id.replace("NUMBER", number);
    const title = fresh.querySelector('[name="document_title"]');
    title.placeholder = title.placeholder.replace("NUMBER", number);
    box.querySelector(".document-actions").before(fresh);
    title.focus();
  });
}

/** Bytes of all that would be sent, as near as the page can tell: { files, texts }. */
function sizes() {
  const files = [...form.elements.uploads.files].reduce((sum, file) => sum + file.size, 0);
  return { files, texts: bytesOf([...form.querySelectorAll("textarea, [name=document_title]")].map((field) => field.value)) };
}

/** Which field is to blame for too much; null when it fits. */
function overLimit() {
  const { files, texts } = sizes();
  if (files + texts <= most) return null;
  if (files > texts) return form.elements.uploads;
  return [...form.querySelectorAll("textarea")].sort((a, b) => b.value.length - a.value.length)[0];
}

/** What is over the limit is said before it is sent, beside the files or the texts. */
function setUpUploads() {
  const show = () => {
    const { files, texts } = sizes();
    const field = overLimit();
    const places = [[form.querySelector("[data-upload-error]"), field === form.elements.uploads], [form.querySelector("[data-text-error]"), field && field !== form.elements.uploads]];
    for (const [place, isWrong] of places) {
      place.hidden = !isWrong;
      const text = !isWrong ? ""
        : `${texts && files ? "Texts and files" : files ? "These files" : "These texts"} have ${inMegabytes(files + texts)} together; the limit is ${inMegabytes(most)}. Leave some out.`;
      if (place.textContent !== text) place.textContent = text;
    }
  };
  form.elements.uploads.addEventListener("change", show);
  form.addEventListener("input", show);
  show();
}

/** The front row of the hemicycle has one seat an agent, in the colour that it will have. */
function setUpSeats() {
  const front = document.querySelector("[data-front]");
  const boxes = [...form.querySelectorAll('input[name="agents"]')];
  const show = () => {
    const chosen = boxes.filter((box) => box.checked).sort((a, b) => (a.value < b.value ? -1 : 1));
    for (const box of boxes) box.closest(".card").removeAttribute("data-seat");
    chosen.forEach((box, index) => { box.closest(".card").dataset.seat = index % 10; });
    front.replaceChildren(...chosen.map((_, index) => seat(index, chosen.length)));
  };
  boxes.forEach((box) => box.addEventListener("change", show));
  show();
}

function seat(index, count) {
  const angle = Math.PI * (1 - (index + 0.5) / count);
  return svg("circle", {
    "data-seat": index % 10,
    cx: (70 + 31 * Math.cos(angle)).toFixed(2),
    cy: (66 - 31 * Math.sin(angle)).toFixed(2),
    r: Math.min(6.5, (0.42 * 31 * Math.PI) / count).toFixed(2),
  });
}

function setUpEstimate() {
  const place = form.querySelector("[data-estimate]");
  form.querySelector("[data-estimate-button]").hidden = true;
  let timer = 0;
  let request = null;
  const ask = async () => {
    request?.abort();
    if (overLimit()) {
      show({ note: `Question and documents are over the limit of ${inMegabytes(most)}.` });
      return;
    }
    request = new AbortController();
    try {
      const answer = await fetch(form.dataset.estimateUrl, {
        method: "POST", body: new FormData(form), signal: request.signal,
        headers: { Accept: "application/json" },
      });
      if (answer.ok) show(await answer.json());
      else if (answer.status === 413) show({ note: `Question and documents are over the limit of ${inMegabytes(most)}.` });
    } catch (error) {
      if (error.name !== "AbortError") note("The estimate cannot be had just now.");
    }
  };
  const show = (estimate) => {
    note(estimate.note);
    showSettled(estimate.settled ?? []);
    for (const figure of ["calls", "tokens", "cost", "time"]) {
      const element = place.querySelector(`[data-estimate-${figure}]`);
      element.textContent = estimate[figure] ?? "–";
    }
  };
  const showSettled = (debates) => {
    const settled = form.querySelector("[data-settled]");
    settled.hidden = !debates.length;
    settled.querySelector("[data-settled-list]").replaceChildren(...debates.map((debate) => h("li", {},
      h("a", { href: debate.url }, debate.question), `: ${debate.answer} `,
      h("span", { class: "muted" }, `(${debate.confidence}${debate.by && `, ${debate.by}`})`), " ",
      h("a", { href: debate.build_on }, "Build on it"))));
  };
  const note = (text) => { place.querySelector("[data-estimate-note]").textContent = text; };
  const later = (event) => {
    if (event.target.name === "csrfmiddlewaretoken") return;
    clearTimeout(timer);
    timer = setTimeout(ask, ESTIMATE_AFTER_MS);
  };
  form.addEventListener("input", later);
  form.addEventListener("change", later);
}

/** One click is one debate, and the button says that it was heard. What is too much stays here. */
function setUpSubmitting() {
  form.addEventListener("submit", (event) => {
    const field = overLimit();
    if (!field) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    field.scrollIntoView({ block: "center" });
    field.focus({ preventScroll: true });
  });
  form.elements.question.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
    event.preventDefault();
    form.requestSubmit(form.querySelector("button.button-primary"));
  });
  form.querySelector("[data-shortcut]").hidden = matchMedia("(hover: none)").matches;
  acknowledgeSending();
}
