"use strict";

/* A form that is being sent shows it on its button and is not sent twice. htmx does the same for its own forms
   (`htmx-request` on the form, `hx-disabled-elt`); this is for those that load a page. */
(() => {
  const sending = new WeakSet();

  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (event.defaultPrevented || form.method !== "post" || form.matches("[data-download]")) return;
    if (sending.has(form)) {
      event.preventDefault();
      return;
    }
    sending.add(form);
    event.submitter?.setAttribute("aria-busy", "true");
  });

  /* The page comes back as it was left, when the browser goes back to it. */
  window.addEventListener("pageshow", (event) => {
    if (!event.persisted) return;
    for (const form of document.forms) sending.delete(form);
    document.querySelectorAll("button[aria-busy]").forEach((button) => button.removeAttribute("aria-busy"));
  });
})();
