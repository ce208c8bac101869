// What buttons do beside their work: copying says so, and what cannot be undone is asked for twice.

import { announce, by } from "./dom.js";

const COPIED_MS = 1500;
const ARMED_MS = 4000;

const timers = new WeakMap();

/** Put text on the clipboard, or show it to be copied by hand. */
export async function copy(text, button) {
  try {
    await navigator.clipboard.writeText(text);
    announce("Copied");
    relabel(button, "Copied", COPIED_MS);
  } catch {
    by("copy-text").value = text; // no clipboard without https, or not allowed
    by("copy-dialog").showModal();
    by("copy-text").select();
  }
}

/** Done at the second press. */
export function twice(button, does) {
  const again = button.dataset.armed;
  calm(button);
  if (again) return does();
  const question = `Really ${button.textContent.toLowerCase()}?`;
  announce(`${question} Press again.`);
  relabel(button, question, ARMED_MS);
  button.dataset.armed = "yes";
}

/** Back to what a button says by itself: a first press was for what was shown then. */
export function calm(button) {
  clearTimeout(timers.get(button));
  button.textContent = button.dataset.label ?? button.textContent;
  delete button.dataset.armed;
}

function relabel(button, text, milliseconds) {
  calm(button);
  button.dataset.label = button.textContent;
  button.textContent = text;
  timers.set(button, setTimeout(() => calm(button), milliseconds));
}
