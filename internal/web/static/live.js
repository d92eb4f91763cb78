// Tells the page what happens on the server: events "live:run", "live:job", "live:problem", "live:action" and "live:message" on the
// body, with what the server says of them. "live:open" tells once that something may have happened unnoticed while the page was made ready; after an
// interruption of the stream, all kinds are told. Browsers allow few connections to a host, so the tabs of one browser share a stream where they can:
// the one that holds a lock reads it and tells the others.
const kinds = ["run", "job", "problem", "action", "message"];
const channel = new BroadcastChannel("punctual-live");
let waiting = new Map(); // what the page has yet to be told, by kind

// pause is how often the page is told of a kind at most, in milliseconds. The last event of a burst is never left out.
const pause = 2000;
const paused = new Set(); // kinds that were told just now

// elsewhere tells whether something happened to another job than the one that the page is about, if it is about one.
const elsewhere = ({ kind, data }) => {
  const page = document.querySelector("[data-job]");
  return page && (kind === "run" || kind === "job") && data.jobId && String(data.jobId) !== page.dataset.job;
};

const tell = ({ kind, data }) => {
  if (elsewhere({ kind, data })) return;
  if (document.hidden && kind !== "problem" || paused.has(kind)) { // the title of a hidden tab tells of problems
    waiting.set(kind, data);
    return;
  }
  paused.add(kind);
  setTimeout(() => {
    paused.delete(kind);
    if (!waiting.has(kind)) return;
    const last = waiting.get(kind);
    waiting.delete(kind);
    tell({ kind, data: last });
  }, pause);
  document.body.dispatchEvent(new CustomEvent(`live:${kind}`, { detail: data }));
};

document.addEventListener("visibilitychange", () => {
  if (document.hidden) return;
  const missed = waiting;
  waiting = new Map();
  for (const [kind, data] of missed) tell({ kind, data });
});

channel.onmessage = (event) => tell(event.data);

// tellAll tells all tabs.
const tellAll = (message) => {
  channel.postMessage(message);
  tell(message);
};

// read reads the stream. What happened before it was open is not known.
const read = (interrupted) => {
  const source = new EventSource("/console/events");
  source.addEventListener("open", () => {
    for (const kind of interrupted ? kinds : ["open"]) tellAll({ kind, data: {} });
    interrupted = true;
  });
  for (const kind of kinds) source.addEventListener(kind, (event) => tellAll({ kind, data: JSON.parse(event.data) }));
  window.addEventListener("pagehide", () => source.close());
  return new Promise(() => {}); // the lock is held as long as the tab is open
};

// start reads the stream, or, while another tab does, waits for its turn.
const start = async () => {
  if (!navigator.locks) return read(false);
  await navigator.locks.request("punctual-live", { ifAvailable: true }, (lock) => lock && read(false));
  tell({ kind: "open", data: {} });
  return navigator.locks.request("punctual-live", () => read(true));
};

if (document.querySelector("[hx-trigger*='live:']")) window.addEventListener("load", start); // after htmx has read the page
