// Counts on how far instants are from now, in the form that the server writes: the words are attributes of the body.
const units = [[86400, "d"], [3600, "h"], [60, "min"], [1, "s"]];

const relative = (seconds, words) => {
  const [size, symbol] = units.find(([size]) => Math.abs(seconds) >= size) ?? [];
  if (!size) return words.timeNow;
  const span = `${Math.floor(Math.abs(seconds) / size)} ${symbol}`;
  return (seconds > 0 ? words.timeIn : words.timeAgo).replace("*", span);
};

const count = () => {
  const words = document.body.dataset;
  if (document.hidden || !words.timeNow) return;
  for (const element of document.querySelectorAll("time[data-relative]")) {
    const text = relative((Date.parse(element.dateTime) - Date.now()) / 1000, words);
    if (element.textContent !== text) element.textContent = text;
  }
};

export const counting = () => {
  setInterval(count, 1000);
  document.addEventListener("visibilitychange", count);
};
