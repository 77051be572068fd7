// What the browser adds to pages that work without it: folding rows, ticking all, finding, copying, dialogs, toasts,
// pausing.
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

// --- Ticking all that is shown, and the same event in every family that lists it; counting what is ticked ---

document.addEventListener("change", (event) => {
  const table = closest(event, "[data-selection]");
  if (!table || !event.target.matches("[type=checkbox]")) return;
  const isTicked = event.target.checked;
  const ticked = event.target.matches("[data-select-all]") ? boxes(table) : [event.target];
  for (const box of ticked) tick(box, isTicked);
  for (const each of document.querySelectorAll("[data-selection]")) count(each);
});

function tick(box, isTicked) {
  const original = box.dataset.mirrors ?? box.id;
  for (const same of document.querySelectorAll(`#${original}, [data-mirrors="${original}"]`)) same.checked = isTicked;
}

function boxes(table) {
  return [...table.querySelectorAll("tbody:not([hidden]) input[type=checkbox]")];
}

function count(table) {
  const master = table.querySelector("[data-select-all]");
  if (!master) return;
  const shown = boxes(table);
  const ticked = shown.filter((box) => box.checked).length;
  master.checked = ticked > 0 && ticked === shown.length;
  master.indeterminate = ticked > 0 && ticked < shown.length;

  const status = table.closest("form")?.querySelector("[data-selected-count]");
  if (!status) return;
  const different = [...table.closest("form").querySelectorAll("tbody input[type=checkbox][name]")];
  status.textContent = `${different.filter((box) => box.checked).length} of ${different.length} events selected`;
}

// --- Finding: what lacks the words is hidden while one types; they stay when the server renders the rows again ---

const queries = new Map();

document.addEventListener("input", (event) => {
  const field = closest(event, "[data-finds]");
  if (!field) return;
  queries.set(field.dataset.finds, field.value);
  find(field);
});

document.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && closest(event, "[data-finds]")) event.preventDefault();
});

function find(field) {
  const words = field.value.toLowerCase().split(/\s+/).filter(Boolean);
  const place = document.getElementById(field.dataset.finds);
  const [found, all] = [new Set(), new Set()];
  for (const group of place.querySelectorAll("[data-group]")) {
    for (const item of group.querySelectorAll("[data-words]")) {
      item.hidden = !words.every((word) => item.dataset.words.includes(word));
      all.add(item.dataset.value);
      if (!item.hidden) found.add(item.dataset.value);
    }
    group.hidden = group.querySelector("[data-words]:not([hidden])") === null;
    document.querySelector(`a[href="#family-${group.dataset.group}"]`).parentElement.hidden = group.hidden;
  }
  for (const table of place.querySelectorAll("[data-selection]")) count(table);
  const status = document.querySelector(`[data-found="${field.dataset.finds}"]`);
  status.textContent = words.length ? `${found.size} of ${all.size} events` : "";
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
  // A button that stands in for a script must not be the one that Enter presses.
  for (const button of root.querySelectorAll("button.scriptless, .scriptless button")) button.type = "button";
  for (const box of root.querySelectorAll("[data-mirrors]")) box.checked = document.getElementById(box.dataset.mirrors).checked;
  for (const table of root.querySelectorAll("[data-selection]")) count(table);
  for (const field of document.querySelectorAll("[data-finds]")) {
    if (!queries.has(field.dataset.finds)) continue;
    field.value = queries.get(field.dataset.finds);
    find(field);
  }
  for (const button of root.querySelectorAll("[aria-controls][aria-expanded]")) showFold(button);
  root.querySelector("[data-focus]")?.focus();
}

prepare(document);
document.addEventListener("htmx:afterSettle", (event) => prepare(event.target));
