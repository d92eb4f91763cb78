// Leaving a page with a changed form asks first, and a double click sends a form once.
const changed = new Set(document.querySelectorAll("form[data-guard=changed]"));

document.addEventListener("input", (event) => {
  const form = event.target.form;
  if (form?.matches("form[data-guard]")) changed.add(form);
});

const sent = new WeakMap(); // when each form was sent

document.addEventListener("submit", (event) => {
  const form = event.target;
  changed.delete(form);
  if (!form.matches("form[data-guard]")) return;
  if (event.timeStamp - (sent.get(form) ?? -Infinity) < 1000) {
    event.preventDefault();
    return;
  }
  sent.set(form, event.timeStamp);
});

window.addEventListener("beforeunload", (event) => {
  if ([...changed].some((form) => form.isConnected)) event.preventDefault();
});
