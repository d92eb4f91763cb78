// The form of a job: what lies ahead follows what is typed, and the modes of the schedule follow each other. The server says what a
// schedule means; its page is asked with the controls of the section When.
import { openDialog } from "./dialog.js";

const form = document.getElementById("editor");
const mode = () => form.querySelector("[name=mode]:checked")?.value ?? "";

// Of the other controls, the page of a schedule takes these.
const others = ["timezone", "dst", "expires", "spread", "spreadUnit", "paused", "enabled", "job", "retries", "retryDelay", "retryDelayUnit",
  "retryFactor", "retryCeiling", "retryCeilingUnit"];

// asks tells whether the page of the schedule depends on a control.
const asks = (control) => control.name === "mode" || control.closest(".panel") || others.includes(control.name);

const question = () => {
  const query = new URLSearchParams();
  for (const control of form.elements) {
    if (!control.name || !asks(control) || (control.matches("[type=checkbox], [type=radio]") && !control.checked)) continue;
    query.append(control.name, control.value);
  }
  return query;
};

// tell puts the errors of a page beside the controls of a part of the form.
const tell = (page, part) => {
  for (const error of part.querySelectorAll(".error")) error.remove();
  for (const control of part.querySelectorAll("[aria-invalid]")) control.removeAttribute("aria-invalid");
  const other = page.getElementById(part.id) ?? page.getElementById("editor");
  for (const error of other?.querySelectorAll(".error[id]") ?? []) {
    const control = document.getElementById(error.id.replace(/-error$/, ""));
    const place = control ?? document.querySelector(`[name="${error.id.replace(/-error$/, "")}"]`);
    if (!place || !part.contains(place)) continue;
    if (control?.matches("input, select, textarea")) {
      control.setAttribute("aria-invalid", "true");
      control.setAttribute("aria-describedby", error.id);
    }
    (place.closest(".field") ?? place).append(error);
    for (let fold = place.closest("details"); fold; fold = fold.parentElement.closest("details")) fold.open = true;
  }
};

// fresh replaces an element by that of a page with the same ID.
const fresh = (page, id) => {
  const element = document.getElementById(id);
  const other = page.getElementById(id);
  if (element && other) element.replaceWith(other);
};

let last = 0;
const preview = async () => {
  const turn = ++last;
  let page;
  try {
    const answer = await fetch(`${form.dataset.preview}?${question()}`, { headers: { Accept: "text/html" } });
    if (!answer.ok || answer.redirected) return;
    page = new DOMParser().parseFromString(await answer.text(), "text/html");
  } catch {
    return; // what is shown stays, and the button shows it as well
  }
  if (turn !== last) return;
  fresh(page, "preview");
  fresh(page, "retries-drawn");
  for (const panel of form.querySelectorAll(".panel")) {
    if (panel.id === `panel-${mode()}`) tell(page, panel);
    else fresh(page, panel.id);
  }
  const zone = page.getElementById("timezone");
  const field = document.getElementById("timezone");
  if (zone && field !== document.activeElement && zone.value !== field.value) field.value = zone.value;
  for (const element of form.querySelectorAll(".panel [data-scripted]")) element.hidden = false;
};

let waiting;
const soon = (event) => {
  const fold = event.target.closest("details");
  if (fold) fold.open = true; // what a drawer has changed is seen
  if (!asks(event.target)) return;
  clearTimeout(waiting);
  waiting = setTimeout(preview, 200);
};

// addHeader adds a row for a header.
const addHeader = () => {
  const rows = form.querySelector(".header-rows");
  const row = rows.lastElementChild.cloneNode(true);
  for (const input of row.querySelectorAll("input")) input.value = "";
  rows.append(row);
  row.querySelector("[name=headerName]").focus();
};

// insert puts a placeholder where the cursor was.
let target;
const insert = (text) => {
  const field = target?.isConnected ? target : document.getElementById("body");
  field.setRangeText(text, field.selectionStart, field.selectionEnd, "end");
  field.dispatchEvent(new Event("input", { bubbles: true }));
  field.focus();
};

// test calls the form as it is, and shows how that goes in a drawer.
const test = async (button) => {
  if (button.ariaDisabled === "true") return;
  const body = new URLSearchParams(new FormData(form, button));
  button.ariaDisabled = "true"; // a button that is disabled loses the focus
  try {
    const answer = await fetch(button.formAction, { method: "POST", body, headers: { Accept: "text/html" } });
    if (answer.redirected && answer.ok) {
      await openDialog(answer.url, "drawer", button);
      return;
    }
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    if (page.getElementById("editor")) {
      for (const section of form.querySelectorAll("section[id], .fold > details > div")) tell(page, section);
      form.querySelector("[aria-invalid]")?.focus();
      return;
    }
    const said = page.querySelector("main p")?.textContent ?? "";
    const note = document.createElement("p");
    note.className = "notice bad";
    note.setAttribute("role", "alert");
    note.textContent = said;
    document.getElementById("test-said")?.remove();
    note.id = "test-said";
    button.before(note);
  } finally {
    button.ariaDisabled = "false";
  }
};

const clicked = (event) => {
  const button = event.target.closest("button");
  if (!button) return;
  if (button.matches("[data-insert]")) insert(button.textContent);
  if (button.matches("[data-grid]")) {
    for (const box of button.closest("fieldset").querySelectorAll("[type=checkbox]")) box.checked = button.dataset.grid === "all";
    button.dispatchEvent(new Event("input", { bubbles: true }));
    clearTimeout(waiting);
    waiting = setTimeout(preview, 200);
  }
  const does = { addHeader: addHeader, test: () => test(button), show: preview };
  for (const [name, act] of Object.entries(does)) {
    if (!(name in button.dataset)) continue;
    event.preventDefault();
    act();
  }
};

// placeholders makes buttons of the placeholders, which without scripts are there to be copied.
const placeholders = () => {
  for (const code of form.querySelectorAll("code[data-insert]")) {
    const button = Object.assign(document.createElement("button"), { type: "button", className: "chip code", textContent: code.textContent });
    button.dataset.insert = "";
    code.replaceWith(button);
  }
};

if (form?.method === "post") {
  placeholders();
  form.addEventListener("input", soon);
  form.addEventListener("change", soon);
  form.addEventListener("click", clicked);
  form.addEventListener("focusin", (event) => {
    if (event.target.matches("[data-variables], #url, #body, #authUser, #authPassword")) target = event.target;
  });
  document.getElementById("paste")?.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.shiftKey || !event.target.value.trim()) return;
    event.preventDefault();
    form.requestSubmit(form.querySelector("button[value=paste]"));
  });
}
