// Draws the table of a figure with data-chart ("line", "area" or "bars") as a chart above it. The first column is the instant
// of a row, <time datetime>; each further column is a series whose numbers stand in <data value>. The class of a heading
// ("good", "bad", "warn", "muted", "accent") is the colour of its series. What a chart says is in the table, too.
const library = new URL("./uPlot.iife.min.js", import.meta.url).href;
const style = new URL("./uPlot.min.css", import.meta.url).href;
let loading;

// load fetches uPlot with the first chart.
const load = () => loading ??= new Promise((done, fail) => {
  const link = Object.assign(document.createElement("link"), { rel: "stylesheet", href: style });
  const script = Object.assign(document.createElement("script"), { src: library });
  script.addEventListener("load", () => done(window.uPlot));
  script.addEventListener("error", fail);
  document.head.append(link, script);
});

const number = (cell) => {
  const value = cell?.querySelector("data")?.value ?? "";
  return value === "" ? null : Number(value);
};

// readTable takes the numbers of a table, and how each is written.
const readTable = (table) => {
  const rows = [...table.tBodies[0].rows].map((row) => [...row.cells]);
  const heads = [...table.tHead.rows[0].cells];
  return {
    names: heads.map((cell) => cell.textContent.trim()),
    colours: heads.map((cell) => cell.className || "accent"),
    data: heads.map((_, i) => rows.map((cells) => i === 0 ? Date.parse(cells[0].querySelector("time").dateTime) / 1000 : number(cells[i]))),
    text: (series, row) => rows[row]?.[series]?.textContent.trim() ?? "",
  };
};

// resolved is a colour as a canvas understands it: custom properties may hold functions.
const resolved = (name) => {
  const probe = document.createElement("span");
  probe.className = `colour-${name}`;
  document.body.append(probe);
  const value = getComputedStyle(probe).color;
  probe.remove();
  return value;
};

// days writes the instants of the axis: days, or times of day if the chart spans less than two days.
const days = (instants) => {
  const short = instants.at(-1) - instants[0] < 2 * 86400;
  const format = new Intl.DateTimeFormat(document.documentElement.lang, short ? { hour: "2-digit", minute: "2-digit", hourCycle: "h23" } : { day: "numeric", month: "short" });
  return (_, values) => values.map((value) => format.format(value * 1000));
};

const draw = (uPlot, figure) => {
  figure.querySelector(".chart")?.remove();
  const { names, colours, data, text } = readTable(figure.querySelector("table"));
  if (data[0].length < 2) return;
  const kind = figure.dataset.chart;
  const axis = resolved("muted");
  const grid = { stroke: resolved("line"), width: 1 };
  const series = names.map((label, i) => {
    if (i === 0) return { label, value: (_, __, ___, row) => row == null ? "" : text(0, row) };
    const stroke = resolved(colours[i]);
    const shape = { label, stroke, width: 1.5, points: { show: false }, value: (_, __, s, row) => row == null ? "" : text(s, row) };
    if (kind === "bars") Object.assign(shape, { fill: stroke, width: 0, paths: uPlot.paths.bars({ size: [0.8, 24] }) });
    if (kind === "area") shape.fill = stroke;
    return shape;
  });
  const plotted = kind === "bars" || kind === "area" ? stacked(data) : data;
  const holder = document.createElement("div");
  holder.className = "chart";
  holder.setAttribute("aria-hidden", "true");
  figure.prepend(holder);
  const size = () => ({ width: holder.clientWidth, height: Number(figure.dataset.height ?? 160) });
  const plot = new uPlot({
    ...size(), series, legend: { live: true }, cursor: { drag: { x: false, y: false } },
    scales: { y: { range: (_, __, most) => [0, most > 0 ? most * 1.05 : 1] } },
    axes: [{ stroke: axis, grid: { show: false }, ticks: grid, space: 72, values: days(data[0]) },
      { stroke: axis, grid, ticks: { show: false }, size: 64, values: (_, values) => values.map((v) => `${v.toLocaleString(document.documentElement.lang)}${figure.dataset.unit ? ` ${figure.dataset.unit}` : ""}`) }],
  }, plotted, holder);
  new ResizeObserver(() => { if (holder.isConnected) plot.setSize(size()); }).observe(holder);
};

// stacked adds each series to those after it, so that the first stands on top of the others, and is drawn first.
const stacked = (data) => {
  const [x, ...series] = data;
  const sums = x.map(() => 0);
  const piled = series.toReversed().map((values) => values.map((value, i) => (sums[i] += value ?? 0)));
  return [x, ...piled.toReversed()];
};

const drawn = new Set();

const all = async (root) => {
  const figures = [...root.querySelectorAll("figure[data-chart]")].filter((figure) => !drawn.has(figure));
  if (!figures.length) return;
  for (const figure of figures) drawn.add(figure);
  const uPlot = await load().catch(() => null); // the page was left
  if (!uPlot) return;
  for (const figure of figures) draw(uPlot, figure);
};

// The colours of a canvas do not follow the system by themselves.
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
  for (const figure of drawn) {
    if (figure.isConnected) draw(window.uPlot, figure);
    else drawn.delete(figure);
  }
});

all(document);
document.addEventListener("htmx:load", (event) => all(event.target));
