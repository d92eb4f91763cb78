// A part of a page that is loaded again keeps the focus, and what somebody has unfolded. htmx alone keeps the focus of elements with
// an ID. What the focus was on may be gone; the part has it then, so that the Tab key goes on from there.

// likeness is equal for an element and the one that takes its place.
const likeness = (e) => [e.tagName, e.id, e.getAttribute("href"), e.name, e.matches("button, [type=radio], [type=checkbox]") ? e.value : "",
  e.form?.getAttribute("action"), e.getAttribute("formaction"), e.matches("summary") ? e.textContent.replace(/\d/g, "") : ""].join("\n");

const alike = (root, e) => [...root.querySelectorAll(e.tagName)].filter((one) => likeness(one) === likeness(e));

// placeOf says where an element is, within each element around it that has an ID: the nearest first.
const placeOf = (element) => {
  const places = [];
  for (let root = element.parentElement?.closest("[id]"); root; root = root.parentElement?.closest("[id]")) {
    places.push({ id: root.id, at: alike(root, element).indexOf(element) });
  }
  return { element, places };
};

const successor = ({ element, places }) => {
  for (const { id, at } of places) {
    const root = document.getElementById(id);
    const list = root ? alike(root, element) : [];
    if (list.length) return list[Math.min(at, list.length - 1)];
  }
  return null;
};

const unfolded = new Set(); // details that somebody has opened or closed
document.addEventListener("click", (event) => {
  const fold = event.target.closest("summary")?.parentElement;
  if (fold) unfolded.add(fold);
});

const kept = new WeakMap(); // by request

document.addEventListener("htmx:beforeSwap", (event) => {
  const active = document.activeElement;
  for (const fold of unfolded) {
    if (!fold.isConnected) unfolded.delete(fold);
  }
  kept.set(event.detail.xhr, { focus: active && active !== document.body ? placeOf(active) : null,
    folds: [...unfolded].map((fold) => ({ open: fold.open, summary: placeOf(fold.querySelector("summary")) })) });
});

const restore = (event) => {
  const { focus, folds } = kept.get(event.detail.xhr) ?? { folds: [] };
  for (const { open, summary } of folds) {
    const fold = summary.element.isConnected ? null : successor(summary)?.parentElement;
    if (!fold || unfolded.has(fold)) continue;
    fold.open = open;
    unfolded.add(fold);
  }
  if (!focus || focus.element.isConnected || document.activeElement && document.activeElement !== document.body) return;
  successor(focus)?.focus({ preventScroll: true });
  if (event.type !== "htmx:afterSettle" || document.activeElement !== document.body) return;
  const part = focus.places.map(({ id }) => document.getElementById(id)).find(Boolean);
  if (!part) return;
  part.tabIndex = -1;
  part.focus({ preventScroll: true });
};

document.addEventListener("htmx:afterSwap", restore);
document.addEventListener("htmx:afterSettle", restore); // by then what needs scripts is shown
