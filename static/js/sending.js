// Buttons that send a form say so, and send it once.

const WORDS = {
  "Start the debate": "Starting …", "Stop and decide now": "Stopping …", Start: "Starting …", Pause: "Pausing …",
  Resume: "Resuming …", "Cancel the debate": "Cancelling …",
};

/** For every form on the page that posts and that no script sends itself. */
export function acknowledgeSending() {
  for (const form of document.querySelectorAll('form[method="post"]:not([data-voting], [data-suggesting])')) {
    form.addEventListener("submit", (event) => {
      if (form.dataset.sent) {
        event.preventDefault();
        return;
      }
      form.dataset.sent = "yes";
      // A disabled button is not sent: its name and value go first.
      setTimeout(() => acknowledge(form, event.submitter));
    });
  }
  // A page that comes back from the browser's memory is ready to be sent again.
  addEventListener("pageshow", () => {
    for (const form of document.querySelectorAll("form[data-sent]")) release(form);
  });
}

const buttonsOf = (form) => [...form.elements].filter((field) => field.type === "submit");

function acknowledge(form, submitter) {
  for (const button of buttonsOf(form)) button.disabled = true;
  if (!submitter || !(submitter.textContent in WORDS)) return;
  submitter.dataset.label = submitter.textContent;
  submitter.textContent = WORDS[submitter.textContent];
}

function release(form) {
  delete form.dataset.sent;
  for (const button of buttonsOf(form)) {
    button.disabled = false;
    if (button.dataset.label) button.textContent = button.dataset.label;
    delete button.dataset.label;
  }
}
