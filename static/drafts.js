"use strict";

/* Keeps what is typed into a form until it is saved, so that a session that ends meanwhile loses nothing: after
   logging in again, the form has it. It stays in this tab (sessionStorage), for the user who typed it, for the
   length of a session at most; logging out deletes it, and so does the next user's first page. Never kept:
   passwords, files, hidden fields, and what a field's data-draft excludes. */
(() => {
  const PREFIX = "draft ";
  const MAX_AGE = 12 * 3600 * 1000; // milliseconds
  const MAX_LENGTH = 200000; // characters of a draft
  const VERSIONS = "shown_versions"; // hidden, but part of what was typed: what the person saw (see the server)
  const NEVER = new Set(["password", "file", "hidden", "submit", "button", "reset", "image"]);
  const SECRET = new Set(["current-password", "new-password", "one-time-code"]);

  const page = document.querySelector("meta[name=draft-user]"); // only pages for a user who is logged in have it
  const user = page?.content;
  const isAnswer = page?.dataset.method === "POST"; // then a form holds what was sent, as the server answered it

  /* --- The store: one entry for each user, path and form ------------------------------------------- */

  const keys = () => Object.keys(sessionStorage).filter((key) => key.startsWith(PREFIX));
  const actionOf = (form) => new URL(form.getAttribute("action") || location.pathname, location.href).pathname;
  const keyOf = (form) => `${PREFIX}${user} ${location.pathname} ${form.id}|${actionOf(form)}`;

  function read(key) {
    try {
      const draft = JSON.parse(sessionStorage.getItem(key));
      return draft && Date.now() - draft.at < MAX_AGE ? draft : null;
    } catch {
      return null;
    }
  }

  function write(key, draft) {
    const text = JSON.stringify(draft);
    try {
      if (text.length <= MAX_LENGTH) sessionStorage.setItem(key, text);
      else sessionStorage.removeItem(key);
    } catch {
      // full, or switched off: the form works as without drafts
    }
  }

  /* Other tabs of this host hear of it: only they get the event of the store that tabs share. */
  const LOGGED_OUT = "drafts: logged out";
  const forgetAll = () => keys().forEach((key) => sessionStorage.removeItem(key));

  /* --- What a form holds --------------------------------------------------------------------------- */

  const isPost = (form) => form.getAttribute("method")?.toLowerCase() === "post";
  const isList = (form) => form.id === "changelist-form"; // of the admin: chosen rows are not typed text
  const isLogout = (form) => actionOf(form).endsWith("/logout/");
  const versionsOf = (form) => Array.from(form.elements).filter((field) => field.name.endsWith(VERSIONS));

  function mayKeep(field) {
    if (!field.name || field.disabled || field.readOnly || NEVER.has(field.type)) return false;
    if (field.dataset.draft === "never" || SECRET.has(field.autocomplete)) return false;
    return !Array.from(field.dataset.draftWithout ?? "").some((sign) => field.value.includes(sign));
  }

  function stateOf(field) {
    if (field.type === "checkbox" || field.type === "radio") return field.checked;
    if (field.type === "select-multiple") return Array.from(field.options, (option) => option.selected);
    return field.value;
  }

  function isTyped(field) {
    if (isAnswer) return true;
    if (field.type === "checkbox" || field.type === "radio") return field.checked !== field.defaultChecked;
    if (field.options) return Array.from(field.options).some((one) => one.selected !== one.defaultSelected);
    return field.value !== field.defaultValue;
  }

  /* Fields of one name, such as boxes, are told apart by their number. */
  function numbered(form) {
    const counts = new Map();
    return Array.from(form.elements, (field) => {
      const number = counts.get(field.name) ?? 0;
      counts.set(field.name, number + 1);
      return { field, id: `${field.name} ${number}` };
    });
  }

  function remember(form, sent = false) {
    const typed = numbered(form).filter(({ field }) => mayKeep(field) && isTyped(field));
    if (typed.length === 0) {
      sessionStorage.removeItem(keyOf(form));
      return;
    }
    write(keyOf(form), {
      at: Date.now(),
      sent,
      fields: typed.map(({ field, id }) => [id, stateOf(field)]),
      versions: versionsOf(form).map((field) => [field.name, field.value]),
    });
  }

  function put(field, state) {
    if (typeof state === "boolean") field.checked = state;
    else if (Array.isArray(state)) Array.from(field.options, (option, n) => (option.selected = state[n] === true));
    else field.value = state;
    field.dispatchEvent(new Event("change", { bubbles: true }));
  }

  function restore(form, draft) {
    const states = new Map(draft.fields);
    const found = numbered(form).filter(({ field, id }) => states.has(id) && mayKeep(field));
    if (found.length === 0) return;
    found.forEach(({ field, id }) => put(field, states.get(id)));
    const versions = new Map(draft.versions);
    for (const field of versionsOf(form)) field.value = versions.get(field.name) ?? field.value;
    form.closest("details")?.setAttribute("open", "");
    tell(form);
  }

  function tell(form) {
    const notice = document.createElement("p");
    const discard = document.createElement("button");
    notice.className = "draft";
    notice.setAttribute("role", "status");
    notice.textContent = "This form has what you typed before. It is not saved yet. ";
    discard.type = "button";
    discard.textContent = "Discard it";
    discard.addEventListener("click", () => {
      sessionStorage.removeItem(keyOf(form));
      location.replace(location.pathname + location.search);
    });
    notice.append(discard);
    form.prepend(notice);
  }

  /* --- When ---------------------------------------------------------------------------------------- */

  /* A form that was sent is saved if the next page is one for this user. If it is the login page or a problem,
     the form is not. */
  function settle() {
    if (!user) {
      for (const key of keys()) {
        const draft = read(key);
        if (draft) write(key, { ...draft, sent: false });
        else sessionStorage.removeItem(key);
      }
      return;
    }
    const forms = new Map(Array.from(document.forms).filter(isPost).map((form) => [keyOf(form), form]));
    const arrived = performance.getEntriesByType("navigation")[0]?.type === "navigate";
    for (const key of keys()) {
      const [draft, form] = [read(key), forms.get(key)];
      if (!draft || !key.startsWith(`${PREFIX}${user} `)) sessionStorage.removeItem(key);
      else if (form && isAnswer) remember(form);
      else if (draft.sent && arrived) sessionStorage.removeItem(key);
      else if (form) restore(form, draft);
    }
  }

  function onTyped(event) {
    const form = event.target.form;
    if (user && form && isPost(form) && !isList(form) && event.isTrusted) remember(form);
  }

  document.addEventListener("input", onTyped);
  document.addEventListener("change", onTyped);
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (event.defaultPrevented || !isPost(form)) return;
    if (isLogout(form)) {
      forgetAll();
      localStorage.setItem(LOGGED_OUT, Date.now());
    } else if (user && sessionStorage.getItem(keyOf(form))) {
      remember(form, true);
    }
  });
  window.addEventListener("storage", (event) => event.key === LOGGED_OUT && forgetAll());
  settle();
})();
