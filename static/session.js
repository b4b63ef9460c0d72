"use strict";

/* When the rights of a page have ended, it hides what it shows at once: names and faces must not stay on a
   screen that the user has left. Other scripts say so with the event "signedout". */
(() => {
  const { login, session } = document.body.dataset;
  let ended = false;

  function link() {
    const element = document.createElement("a");
    element.textContent = "Log in";
    element.href = `${login}?next=${encodeURIComponent(location.pathname + location.search)}`;
    return element;
  }

  function hide(reason) {
    if (ended) return;
    ended = true;
    const section = document.createElement("section");
    const heading = document.createElement("h1");
    const text = document.createElement("p");
    section.className = "signed-out";
    section.setAttribute("role", "alert");
    heading.textContent = "You are signed out";
    text.append(reason ? `${reason} ` : "", link());
    section.append(heading, text);
    const page = document.createElement("main");
    page.id = "content";
    page.tabIndex = -1;
    page.append(section);
    document.body.replaceChildren(page); // with the menu, which names the user, and all elements that poll
    document.title = "Signed out · FaceTrack";
    page.focus();
  }

  const isLogin = (address) => new URL(address, location.href).pathname === login;

  async function check() {
    if (ended) return;
    try {
      const answer = await fetch(session, { cache: "no-store", headers: { Accept: "application/json" } });
      if (answer.status === 401 || isLogin(answer.url)) hide();
      else if (answer.ok && !(await answer.json()).signed_in) hide();
    } catch {
      // The server does not respond: whether the session goes on is not known.
    }
  }

  document.body.addEventListener("signedout", (event) => hide(event.detail));
  document.body.addEventListener("htmx:beforeSwap", (event) => {
    const { xhr } = event.detail;
    if (xhr.status !== 401 && !(xhr.responseURL && isLogin(xhr.responseURL))) return;
    event.detail.shouldSwap = false;
    hide();
  });
  document.addEventListener("visibilitychange", () => document.hidden || check());
  window.addEventListener("pageshow", (event) => {
    if (event.persisted) check(); // the page comes back as it was left, perhaps by another user
  });
})();
