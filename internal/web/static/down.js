// Title and icon of the tab tell how many problems are open. The number stands in the navigation, which is read again when a problem
// changes.
const prefix = /^\(\d+\) /;

const tell = () => {
  const count = document.getElementById("open-problems");
  if (!count) return;
  const down = Number(count.dataset.open);
  document.title = (down ? `(${down}) ` : "") + document.title.replace(prefix, "");
  const icon = document.querySelector("link[rel=icon]");
  const wanted = down ? icon.dataset.down : icon.dataset.up;
  if (icon.getAttribute("href") !== wanted) icon.setAttribute("href", wanted);
};

document.addEventListener("htmx:load", (event) => { if (event.target.id === "open-problems") tell(); });
