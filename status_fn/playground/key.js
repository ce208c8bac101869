// The API key, where the service asks for one: kept in this tab alone.

import { key } from "./api.js";
import { by } from "./dom.js";

const REFUSED = {
  none: "This service asks for a key. Whoever runs it makes one with “make keys”.",
  held: "The service does not take this key, or no longer. Enter another one.",
};

/** `onChange` runs when there is another key, or none any more. Returns a function that asks for one. */
export function keyDialog(onChange) {
  const dialog = by("key-dialog");
  const field = by("key");
  const show = () => (by("key-open").hidden = false);
  const changed = () => {
    dialog.close();
    onChange();
  };
  by("key-open").addEventListener("click", () => ask());
  by("key-forget").addEventListener("click", () => {
    key.forget();
    changed();
  });
  by("key-form").addEventListener("submit", (event) => {
    event.preventDefault();
    const given = field.value.trim();
    if (!given) return field.focus();
    key.set(given);
    field.value = "";
    changed();
  });
  if (key.get()) show();

  function ask({ refused = false } = {}) {
    show();
    by("key-reason").textContent = refused ? REFUSED[key.get() ? "held" : "none"] : "Sent with every request of this page.";
    by("key-forget").hidden = !key.get();
    if (!dialog.open) dialog.showModal();
  }
  return ask;
}
