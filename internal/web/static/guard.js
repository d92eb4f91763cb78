// Leaving a page with a changed form asks first.
const changed = new Set(document.querySelectorAll("form[data-guard=changed]"));

document.addEventListener("input", (event) => {
  const form = event.target.form;
  if (form?.matches("form[data-guard]")) changed.add(form);
});

document.addEventListener("submit", (event) => changed.delete(event.target));

window.addEventListener("beforeunload", (event) => {
  if ([...changed].some((form) => form.isConnected)) event.preventDefault();
});
