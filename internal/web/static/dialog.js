const icons = new URL("./icons.svg", import.meta.url).pathname;

// A link with data-dialog opens its page in a dialog: "sheet", "drawer" or "palette" says how that looks. Its forms are sent as ever.
// The page itself is there for browsers without scripts, and for links that are opened in a new tab.
export const openDialog = async (address, kind, opener) => {
  const answer = await fetch(address, { headers: { Accept: "text/html" } });
  if (answer.redirected && new URL(answer.url).pathname !== new URL(address, location).pathname) {
    location.href = answer.url;
    return null;
  }
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const dialog = document.createElement("dialog");
  dialog.className = kind;
  const heading = page.querySelector("main h1");
  if (heading) {
    heading.id = "dialog-title";
    dialog.setAttribute("aria-labelledby", heading.id);
  }
  const close = document.createElement("button");
  close.type = "button";
  close.className = "close";
  close.setAttribute("aria-label", document.body.dataset.close);
  close.innerHTML = `<svg class="icon" aria-hidden="true"><use href="${icons}#x"/></svg>`;
  close.addEventListener("click", () => dialog.close());
  dialog.append(close, ...page.querySelector("main").childNodes);
  dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
  dialog.addEventListener("close", () => {
    dialog.remove();
    opener?.focus();
    if (opener && document.activeElement !== opener) opener.closest("details")?.querySelector("summary").focus(); // an entry of a closed menu
  });
  document.body.append(dialog);
  dialog.showModal();
  window.htmx?.process(dialog);
  dialog.dispatchEvent(new CustomEvent("htmx:load", { bubbles: true }));
  return dialog;
};

document.addEventListener("click", (event) => {
  const link = event.target.closest("a[data-dialog]");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
  event.preventDefault();
  link.closest("details.menu")?.removeAttribute("open");
  openDialog(link.href, link.dataset.dialog, link);
});
