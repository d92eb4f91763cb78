// An element with data-follow names a stream of events about something that is under way. Each event becomes "followed" on the
// element, at which a part of the page is loaded again. The stream ends with the thing, or when the element is gone.
const followed = new WeakSet();

const follow = (element) => {
  if (followed.has(element)) return;
  followed.add(element);
  const source = new EventSource(element.dataset.follow);
  source.addEventListener("test", (event) => {
    const finished = JSON.parse(event.data).state === "finished";
    if (finished || !element.isConnected) source.close();
    element.dispatchEvent(new CustomEvent("followed"));
  });
  source.addEventListener("error", () => { if (!element.isConnected) source.close(); });
  window.addEventListener("pagehide", () => source.close());
};

const find = (root) => {
  for (const element of root.querySelectorAll("[data-follow]")) follow(element);
};

document.documentElement.classList.add("scripted");
window.addEventListener("load", () => find(document)); // after htmx has read the page
document.addEventListener("htmx:load", (event) => find(event.target));

// A change that mends a failed test goes into the form of the editor below the drawer, if there is one.
const controls = { url: "url", timeout: "timeout", redirects: "followRedirects" };
document.addEventListener("click", (event) => {
  const link = event.target.closest("a[data-mend]");
  const control = link?.closest("dialog") && document.getElementById("editor")?.elements[controls[link.dataset.mend]];
  if (!control) return;
  event.preventDefault();
  link.closest("dialog").close();
  control.value = link.dataset.to;
  control.dispatchEvent(new Event("input", { bubbles: true }));
  control.focus();
});
