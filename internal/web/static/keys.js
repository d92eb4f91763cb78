// Lists by keyboard: j and k go from row to row, Enter opens a row, x selects it, "." opens its menu, and ? shows all keys. Rows are
// those of a table whose section has the id of what it lists. What is selected outlives the reload of a list.
import { openDialog } from "./dialog.js";

const rows = () => [...document.querySelectorAll("main .table.jobs tbody > tr")];
const current = () => document.querySelector("tr[data-at]");
const box = (row) => row?.querySelector("input[type=checkbox]");
const typing = (target) => target.closest?.("input:not([type=checkbox]), textarea, select, dialog, details[open]");

const go = (row) => {
  current()?.removeAttribute("data-at");
  if (!row) return;
  row.dataset.at = "";
  row.querySelector(".what > a").focus();
};

const step = (by) => {
  const list = rows();
  if (!list.length) return;
  const at = list.indexOf(current());
  go(list[at < 0 ? (by > 0 ? 0 : list.length - 1) : Math.min(Math.max(at + by, 0), list.length - 1)]);
};

const select = (boxes, checked) => {
  for (const one of boxes) one.checked = checked;
  tellHead();
};

// tellHead shows in the head of the table whether all rows are selected, or some.
const tellHead = () => {
  const head = document.querySelector("[data-select-all]");
  if (!head) return;
  const boxes = rows().map(box).filter(Boolean);
  const chosen = boxes.filter((one) => one.checked).length;
  head.checked = chosen > 0 && chosen === boxes.length;
  head.indeterminate = chosen > 0 && chosen < boxes.length;
};

const keys = {
  j: () => step(1),
  k: () => step(-1),
  x: () => { const one = box(current()); if (one) select([one], !one.checked); },
  X: () => { const boxes = rows().map(box).filter(Boolean); select(boxes, boxes.some((one) => !one.checked)); },
  ".": () => { const summary = current()?.querySelector("details.menu > summary"); summary?.click(); summary?.focus(); },
  "?": () => openDialog("/console/keyboard", "sheet", document.activeElement),
};

document.addEventListener("keydown", (event) => {
  const does = keys[event.key];
  if (!does || event.ctrlKey || event.metaKey || event.altKey || typing(event.target) || document.querySelector("dialog[open]")) return;
  event.preventDefault();
  does();
});

document.addEventListener("change", (event) => {
  if (event.target.matches("[data-select-all]")) select(rows().map(box).filter(Boolean), event.target.checked);
  else if (event.target.name === "job") tellHead();
});

document.addEventListener("focusin", (event) => {
  const row = event.target.closest?.(".table.jobs tbody > tr");
  if (row && row !== current()) {
    current()?.removeAttribute("data-at");
    row.dataset.at = "";
  }
});

// A list that is loaded again keeps what is selected. It waits while one of its menus is open.
let kept = null;

document.addEventListener("htmx:beforeSwap", (event) => {
  const part = event.detail.target;
  if (part?.id !== "jobs") return;
  if (part.querySelector("details[open]")) {
    event.detail.shouldSwap = false;
    return;
  }
  const chosen = [...part.querySelectorAll("input[name=job]:checked")].map((one) => one.value);
  kept = { chosen, at: current()?.id };
});

document.addEventListener("htmx:afterSwap", () => {
  if (!kept) return;
  const { chosen, at } = kept;
  kept = null;
  for (const one of document.querySelectorAll("#jobs input[name=job]")) one.checked = chosen.includes(one.value);
  const row = at && document.getElementById(at);
  if (row) row.dataset.at = "";
  tellHead();
});

tellHead();
