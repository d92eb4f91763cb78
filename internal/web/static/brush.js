// Lets people choose a time on the chart of a figure with data-brush, the address of the list without a time. The chart reaches from
// data-from to data-to, in Unix seconds, over data-width units of its drawing. A click on a column stays a link.
const least = 6; // pixels that the pointer moves before it chooses

const brush = (figure) => {
  const svg = figure.querySelector("svg");
  const chosen = svg.querySelector(".chosen");
  const [from, to, drawn] = [figure.dataset.from, figure.dataset.to, figure.dataset.width].map(Number);
  const total = svg.viewBox.baseVal.width;
  let start = null, moved = false;

  const at = (event) => {
    const box = svg.getBoundingClientRect();
    return Math.min(Math.max((event.clientX - box.left) / box.width * total, 0), drawn);
  };
  const show = (a, b) => {
    chosen.setAttribute("x", Math.min(a, b));
    chosen.setAttribute("width", Math.abs(a - b));
    chosen.setAttribute("height", svg.viewBox.baseVal.height);
  };
  const seconds = (x) => Math.round(from + x / drawn * (to - from));

  svg.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    start = at(event);
    moved = false;
  });
  svg.addEventListener("pointermove", (event) => {
    if (start === null) return;
    const x = at(event);
    if (!moved && Math.abs(x - start) / total * svg.clientWidth < least) return;
    if (!moved) svg.setPointerCapture(event.pointerId);
    moved = true;
    show(start, x);
  });
  svg.addEventListener("pointerup", (event) => {
    if (start !== null && moved) {
      const address = new URL(figure.dataset.brush, location.href);
      const [a, b] = [start, at(event)].sort((x, y) => x - y);
      address.searchParams.set("from", seconds(a));
      address.searchParams.set("to", Math.max(seconds(b), seconds(a) + 1));
      location.assign(address);
    }
    start = null;
  });
  svg.addEventListener("pointercancel", () => { start = null; show(0, 0); });
  svg.addEventListener("click", (event) => { if (moved) event.preventDefault(); }, true);
  svg.addEventListener("dragstart", (event) => event.preventDefault());
  figure.classList.add("ready");
};

const all = (root) => { for (const figure of root.querySelectorAll("figure[data-brush]:not(.ready)")) brush(figure); };

all(document);
document.addEventListener("htmx:load", (event) => all(event.target));
