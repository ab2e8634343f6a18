// Figures in words, as debates/web/figures.py says them.

export const percent = (share) => (share === null || share === undefined ? "–" : `${Math.round(share * 100)}%`);

export const thousands = (count) => count.toLocaleString("en-US");

export function dollars(amount) {
  if (amount <= 0) return "no cost";
  if (amount < 0.001) return "under $0.001";
  return amount < 1 ? `$${amount.toFixed(3)}` : `$${amount.toLocaleString("en-US", { minimumFractionDigits: 2, maximumFractionDigits: 2 })}`;
}

/** What was spent; where somebody's price is not known, nothing counted is not no cost. */
export function cost(amount, priceKnown) {
  if (priceKnown) return dollars(amount);
  return amount > 0 ? `at least ${dollars(amount)}` : "price unknown";
}

export function seconds(duration) {
  const whole = Math.round(duration);
  if (whole < 1) return "under 1 s";
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min${whole % 60 ? ` ${whole % 60} s` : ""}`;
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
}

/** When a debate in the queue begins: roughly, as the estimate is rough. */
export function wait(duration) {
  if (duration === null || duration === undefined) return "It begins as soon as there is room.";
  if (duration < 5) return "It begins in a moment.";
  if (duration < 60) return `It begins in about ${Math.ceil(duration / 10) * 10} seconds.`;
  if (duration > 3600) return `It begins in about ${Math.ceil(duration / 3600)} hours.`;
  const minutes = Math.ceil(duration / 60);
  return `It begins in about ${minutes} minute${minutes > 1 ? "s" : ""}.`;
}

/** The day of an ISO 8601 moment, in UTC as the server has it. */
export const day = (moment) => new Date(moment).toLocaleDateString("en-GB", { day: "numeric", month: "long", year: "numeric", timeZone: "UTC" });

/** Cut to at most `length` characters, the last of them an ellipsis. */
export const truncate = (text, length) => ([...text].length <= length ? text : `${[...text].slice(0, length - 1).join("")}…`);
