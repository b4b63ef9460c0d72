"use strict";

/* Keeps the focus where it was when a part of the page is exchanged. htmx keeps that of elements with an id, but
   a button that is disabled while its form is sent loses the focus before that, and links in rows have no id. */
(() => {
  let kept = null;
  let standIn = null; // has the focus while the element that had it is disabled or gone

  const isLost = () => [null, document.body, standIn].includes(document.activeElement);

  /* Where an element is: its own id, or how it looks within the nearest element that has one. */
  function placeOf(element) {
    if (element.id) return { root: element.id };
    const root = element.closest("[id]");
    if (!root) return null;
    const { tagName, name, value } = element;
    return { root: root.id, tagName, href: element.getAttribute("href"), name, value, text: element.textContent };
  }

  function found(place) {
    const root = document.getElementById(place.root);
    if (!root || !place.tagName) return root;
    const alike = Array.from(root.getElementsByTagName(place.tagName)).filter(
      (one) => one.getAttribute("href") === place.href && one.name === place.name && one.value === place.value,
    );
    return alike.find((one) => one.textContent === place.text) ?? alike[0] ?? null;
  }

  function keep() {
    const element = document.activeElement;
    if (isLost()) return;
    kept = placeOf(element);
    if (kept) kept.from = element.closest("form")?.parentElement?.closest("[id]")?.id ?? "content";
  }

  /* Where the element is gone or disabled, what was around it; at last the content, so that Tab goes on there. */
  function restore() {
    if (!kept || !isLost()) return;
    const target = found(kept);
    if (target && !target.disabled) target.focus({ preventScroll: true });
    if (!isLost()) return;
    for (standIn of [document.getElementById(kept.from), document.getElementById("content")]) {
      if (standIn && standIn.tabIndex < 0) standIn.tabIndex = -1;
      standIn?.focus({ preventScroll: true });
      if (standIn && document.activeElement === standIn) return;
    }
  }

  document.body.addEventListener("htmx:beforeRequest", keep); // before the button is disabled
  document.body.addEventListener("htmx:beforeSwap", keep);
  document.body.addEventListener("htmx:afterSettle", restore);
  document.body.addEventListener("htmx:afterRequest", () => setTimeout(restore)); // enabled again by then
  document.addEventListener("pointerdown", () => {
    kept = null; // the user leaves it
  });
  document.addEventListener("focusin", (event) => {
    if (event.target !== document.body && event.target !== standIn) kept = standIn = null;
  });
})();
