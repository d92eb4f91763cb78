// What the pages do beyond their forms and links. Everything works without it.

import { counting } from "./relative.js";
import "./menu.js";
import "./copy.js";
import "./guard.js";
import "./dialog.js";
import "./follow.js";
import "./keep.js";
import "./live.js";
import "./chart.js";
import "./brush.js";
import "./palette.js";
import "./down.js";
import "./keys.js";

// enhance prepares a page, and each part of it that is loaded later.
const enhance = (root) => {
  // A field for a time zone that is still empty gets that of the browser.
  for (const field of root.querySelectorAll("[data-zone]")) {
    if (!field.value) field.value = Intl.DateTimeFormat().resolvedOptions().timeZone ?? "";
  }
  // A form that narrows a list is sent as soon as one of its choices changes; its button is for those without scripts.
  for (const form of root.querySelectorAll("form[data-auto]")) {
    form.addEventListener("change", (event) => { if (event.target.matches("select, [type=checkbox], [type=radio]")) form.requestSubmit(); });
  }
  for (const element of root.querySelectorAll("[data-scripted]")) element.hidden = false;
};

enhance(document);

// Where the navigation is longer than the window, it is scrolled to the page that is open.
const side = document.querySelector(".side");
const open = side?.querySelector("[aria-current=page]");
if (open && open.offsetTop + open.offsetHeight > side.clientHeight) side.scrollTop = open.offsetTop - side.clientHeight / 2;

document.addEventListener("htmx:load", (event) => { if (event.target !== document.body) enhance(event.target); });
counting();
