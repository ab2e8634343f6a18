// Votes and suggestions without leaving the page. Without this module the forms post themselves.

import { h } from "./dom.js";

const AWAY = "The server does not answer. Try again in a moment.";

/** `debateUrl` is the debate's address in the API. */
export function setUpAudience(root, debateUrl) {
  const section = root.querySelector("[data-audience]");
  const say = (text, wrong = false) => {
    section.querySelector(".messages")?.replaceChildren();
    section.querySelector("[data-said]").replaceChildren(h("p", { class: `notice ${wrong ? "notice-danger" : "notice-laurel"}` }, text));
  };
  const listen = (form, act, body, done) => form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const button = form.querySelector("button");
    button.disabled = true;
    try {
      say(done(await post(`${debateUrl}/${act}`, body(form.elements), form.elements.csrfmiddlewaretoken.value)));
    } catch (error) {
      say(error instanceof Refused ? error.message : AWAY, true);
    } finally {
      button.disabled = false;
    }
  });
  const [voting, suggesting] = [section.querySelector("[data-voting]"), section.querySelector("[data-suggesting]")];
  listen(voting, "vote",
    ({ choice, intensity }) => ({ choice: choice.value, intensity: Number(intensity.value) }),
    ({ choice }) => {
      voting.querySelector("button").textContent = "Change the vote";
      return `Your vote counts for “${[...choice].slice(0, 100).join("")}”.`;
    });
  listen(suggesting, "suggest",
    ({ suggestion }) => ({ suggestion: suggestion.value }),
    ({ duplicate }) => {
      suggesting.elements.suggestion.value = "";
      return duplicate ? "Somebody has suggested that before; the panel hears it once." : "The panel hears it in its next exchange.";
    });
}

class Refused extends Error {}

async function post(url, body, token) {
  const answer = await fetch(url, {
    method: "POST",
    headers: { "Content-Type": "application/json", Accept: "application/json", "X-CSRFToken": token },
    body: JSON.stringify(body),
  });
  const said = await answer.json();
  if (!answer.ok) throw new Refused(said.error);
  return said;
}
