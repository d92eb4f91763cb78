// Buttons that copy the text of another element are shown only where they work.
const prepare = (root) => {
  if (!navigator.clipboard) return;
  for (const button of root.querySelectorAll("button[data-copy]")) button.hidden = false;
};

document.addEventListener("click", async (event) => {
  const button = event.target.closest("button[data-copy]");
  if (!button) return;
  const source = document.getElementById(button.dataset.copy);
  await navigator.clipboard.writeText((source.value ?? source.textContent).trim());
  button.querySelector("span").textContent = button.dataset.copied;
});

prepare(document);
document.addEventListener("htmx:load", (event) => prepare(event.target));
