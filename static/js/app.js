// What the browser adds to pages that work without it: folding rows, ticking all, copying, dialogs, toasts, pausing.
// Every listener is on the document, so that content which arrives later needs no set-up.

const closest = (event, selector) => (event.target instanceof Element ? event.target.closest(selector) : null);

const clicks = {
  "[aria-controls][aria-expanded]": fold,
  "[data-copy]": copy,
  "[data-opens]": openDialog,
  "[data-close]": (button) => button.closest("dialog").close(),
  "[data-dismiss]": (button) => button.closest(".notification").remove(),
  "[data-pauses]": pause,
};

document.addEventListener("click", (event) => {
  for (const [selector, act] of Object.entries(clicks)) {
    const element = closest(event, selector);
    if (element) act(element, event);
  }
});

// --- Rows that fold; what is open stays open when the server renders the row again ---

const unfolded = new Set();

function fold(button) {
  const id = button.getAttribute("aria-controls");
  if (!unfolded.delete(id)) unfolded.add(id);
  showFold(button);
}

function showFold(button) {
  const id = button.getAttribute("aria-controls");
  button.setAttribute("aria-expanded", String(unfolded.has(id)));
  document.getElementById(id).hidden = !unfolded.has(id);
}

// --- Ticking all, and counting what is ticked ---

document.addEventListener("change", (event) => {
  const table = closest(event, "[data-selection]");
  if (!table) return;
  if (event.target.matches("[data-select-all]")) {
    for (const box of boxes(table)) box.checked = event.target.checked;
  }
  count(table);
});

function boxes(table) {
  return [...table.querySelectorAll("tbody input[type=checkbox]")];
}

function count(table) {
  const master = table.querySelector("[data-select-all]");
  if (!master) return;
  const inTable = boxes(table);
  const ticked = inTable.filter((box) => box.checked).length;
  master.checked = ticked > 0 && ticked === inTable.length;
  master.indeterminate = ticked > 0 && ticked < inTable.length;

  const status = table.closest("form")?.querySelector("[data-selected-count]");
  if (!status) return;
  const inForm = [...table.closest("form").querySelectorAll("[data-selection]")].flatMap(boxes);
  status.textContent = `${inForm.filter((box) => box.checked).length} of ${inForm.length} events selected`;
}

// --- Copying ---

async function copy(button) {
  const source = button.closest("[data-copy-scope]").querySelector("[data-copy-source]");
  try {
    await navigator.clipboard.writeText(source.value ?? source.textContent);
    toast("success", "Copied.", 4000);
  } catch {
    // Without HTTPS the browser keeps the clipboard to itself: mark the text, so that one key press copies it.
    getSelection().selectAllChildren(source);
    toast("info", "The text is selected: copy it with the keyboard.", 8000);
  }
}

// --- Dialogs: the opener is a link to a page with the same form, which is what happens without a script ---

function openDialog(opener, event) {
  const dialog = document.getElementById(opener.dataset.opens);
  if (!dialog) return;
  event.preventDefault();
  opener.closest("[popover]")?.hidePopover();
  dialog.showModal();
}

document.addEventListener("click", (event) => {
  if (event.target instanceof HTMLDialogElement) event.target.close();
});

// --- Toasts ---

function toast(kind, text, lifetimeMilliseconds) {
  const note = document.getElementById(`toast-${kind}`).content.firstElementChild.cloneNode(true);
  note.querySelector(".notification__text").textContent = text;
  document.getElementById("toasts").append(note);
  if (lifetimeMilliseconds) setTimeout(() => note.remove(), lifetimeMilliseconds);
}

// --- Requests by htmx: a switch moves at once, and moves back when the server does not agree ---

const answers = {
  403: "You are not allowed to do this, or your session has ended. Reload the page.",
  404: "This no longer exists. Reload the page.",
  409: "Somebody else changed this in the meantime. Reload the page.",
  429: "Too many requests. Wait a moment and try again.",
};

document.addEventListener("htmx:beforeRequest", (event) => {
  if (isPaused(event.detail.elt)) return event.preventDefault();
  const toggle = switchOf(event.detail);
  if (toggle) flip(toggle, true);
});

for (const failure of ["htmx:responseError", "htmx:sendError", "htmx:timeout"]) {
  document.addEventListener(failure, (event) => {
    const toggle = switchOf(event.detail);
    if (toggle) flip(toggle, false);
    // A page that asks by itself will ask again: a message every two seconds helps nobody.
    if (event.detail.elt.matches("[hx-trigger*=every]")) return;
    const status = event.detail.xhr?.status;
    if (!status) toast("error", "The server cannot be reached. Try again in a moment.");
    else toast("error", answers[status] ?? `The server answered ${status}. Reload the page to see what stands.`);
  });
}

function switchOf(detail) {
  return detail.elt.querySelector?.(":scope > [role=switch]");
}

function flip(toggle, isBusy) {
  toggle.setAttribute("aria-checked", String(toggle.getAttribute("aria-checked") !== "true"));
  toggle.setAttribute("aria-busy", String(isBusy));
}

// --- Pausing what polls: by its button, and while nobody looks at the page ---

function pause(button) {
  const isPaused = button.getAttribute("aria-pressed") !== "true";
  button.setAttribute("aria-pressed", String(isPaused));
  document.getElementById(button.dataset.pauses).toggleAttribute("data-paused", isPaused);
}

function isPaused(element) {
  return element.matches("[hx-trigger*=every]") && (document.hidden || element.closest("[data-paused]") !== null);
}

// --- Once for the page, and for each fragment that arrives ---

const localTime = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "long" });

function prepare(root) {
  for (const time of root.querySelectorAll("time[datetime]")) time.title = localTime.format(new Date(time.dateTime));
  for (const table of root.querySelectorAll("[data-selection]")) count(table);
  for (const button of root.querySelectorAll("[aria-controls][aria-expanded]")) showFold(button);
  root.querySelector("[data-focus]")?.focus();
}

prepare(document);
document.addEventListener("htmx:afterSettle", (event) => prepare(event.target));
