// A debugger that is left open: the newest rows come in at the top, the oldest go out at the bottom.

document.addEventListener("htmx:afterSwap", (event) => {
  const rows = event.target;
  if (!rows.dataset?.keepRows) return;
  while (rows.rows.length > Number(rows.dataset.keepRows)) rows.deleteRow(-1);
});
