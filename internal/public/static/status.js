// Keeps a status page current: the service tells of changes by an event stream, and the page takes over its new contents. Where there
// is no room for a stream, it looks each minute. Without scripts the page is the same, and people reload it.

const live = document.querySelector("#live");
const wait = 60_000;
let looking = false;

async function refresh() {
  if (looking) return;
  looking = true;
  try {
    const answer = await fetch(location.pathname, { cache: "no-cache", credentials: "same-origin" });
    if (!answer.ok || answer.redirected) return;
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    if (fresh.querySelector("#live")) take(fresh);
  } catch {
    // The next look may succeed.
  } finally {
    looking = false;
  }
}

// take replaces what changes. Groups stay as the visitor left them, and so does the focus.
function take(fresh) {
  const folds = new Map([...live.querySelectorAll("details")].map((d) => [nameOf(d), d.open]));
  for (const d of fresh.querySelectorAll("#live details")) {
    if (touched.has(nameOf(d))) d.open = folds.get(nameOf(d)) ?? d.open;
  }
  const focused = live.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
  live.replaceChildren(...fresh.querySelector("#live").childNodes);
  if (focused) live.querySelector(`a[href="${CSS.escape(focused)}"]`)?.focus({ preventScroll: true });
  for (const part of ["footer", "link[rel=icon]"]) {
    const [old, other] = [document.querySelector(part), fresh.querySelector(part)];
    if (old && other) old.replaceWith(other);
  }
  document.querySelector("#stale")?.remove();
  const stale = fresh.querySelector("#stale");
  if (stale) document.querySelector("main").before(stale);
  document.title = fresh.title;
}

const nameOf = (details) => details.querySelector("h2").textContent;

// touched are the groups that the visitor opened or closed.
const touched = new Set();
live.addEventListener("click", (event) => {
  const details = event.target.closest("summary")?.parentElement;
  if (details) touched.add(nameOf(details));
});

function look() {
  setTimeout(async () => {
    if (!document.hidden) await refresh();
    look();
  }, wait);
}

const source = new EventSource(live.dataset.events);
source.addEventListener("change", refresh);
source.addEventListener("error", () => {
  if (source.readyState === EventSource.CLOSED) look();
});
let lost = false;
source.addEventListener("error", () => { lost = true; });
source.addEventListener("open", () => {
  if (lost) refresh(); // for what happened meanwhile
  lost = false;
});
addEventListener("pagehide", () => source.close());
