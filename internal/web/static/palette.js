// The palette: the search page in a dialog, with Ctrl-K, to go to any job, page or action by keyboard. Arrows move among what was
// found, and Enter in the field goes to the first.
import { openDialog } from "./dialog.js";

let open = null;

const links = () => [...open.querySelectorAll("#found a")];

const move = (step) => {
  const list = links();
  const field = open.querySelector("input[name=q]");
  const at = list.indexOf(document.activeElement) + step;
  (at < 0 ? field : list[Math.min(at, list.length - 1)])?.focus();
};

const keys = (event) => {
  const inField = event.target.matches("input");
  if (event.key === "ArrowDown") move(1);
  else if (event.key === "ArrowUp") move(-1);
  else if (event.key === "Enter" && inField && links().length) links()[0].click();
  else return;
  event.preventDefault();
};

const show = async (text = "") => {
  if (open) return;
  open = document.body; // until there is the dialog
  open = await openDialog(`/console/search?${new URLSearchParams(text ? { q: text } : {})}`, "palette", document.activeElement);
  if (!open) return;
  open.addEventListener("keydown", keys);
  open.addEventListener("close", () => { open = null; });
  open.querySelector("input[name=q]")?.focus();
};

document.addEventListener("keydown", (event) => {
  if (event.key.toLowerCase() !== "k" || !(event.ctrlKey || event.metaKey) || event.altKey || event.shiftKey) return;
  if (!document.querySelector("form[data-palette]")) return;
  event.preventDefault();
  if (!document.querySelector("dialog[open]")) show();
});
