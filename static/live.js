"use strict";

/* What the pages do beyond htmx: the live connection, polls while the page is visible, and plain words
   when a request fails. No inline handlers and no eval, so that a strict content security policy holds. */
(() => {
  const TICK = 15000; // for what no event reports, such as a silent worker, and for when the connection is lost
  const SAFETY = 60000; // a connection can be dead without an event that says so
  const PATIENT = 10000; // a connection that lasted this long was a good one

  const notice = document.getElementById("notice");
  const IN_USE = ":active, form.htmx-request"; // a button that is pressed, a form that waits for its answer
  const isPoll = (element) => element.matches("[data-poll], #live");

  function tell(kind, ...content) {
    notice.replaceChildren(...content);
    notice.dataset.kind = kind;
    notice.hidden = false;
  }

  /* What the page shows is hidden: see session.js. */
  function signOut(reason) {
    document.body.dispatchEvent(new CustomEvent("signedout", { detail: reason }));
  }

  /* --- Requests ------------------------------------------------------------------------------------ */

  document.body.addEventListener("htmx:configRequest", (event) => {
    if (event.detail.verb !== "get" || !event.target.matches("form")) return;
    const values = event.detail.formData; // empty filters stay out of the address
    for (const [name, value] of Array.from(values)) if (value === "") values.delete(name);
  });

  /* A list with filters and pages is polled as the address bar has it by now. */
  const here = () => location.pathname + location.search;
  document.body.addEventListener("htmx:configRequest", (event) => {
    if (event.detail.elt.dataset.poll === "page") event.detail.path = here();
  });
  const isOutdated = ({ elt, pathInfo }) => elt.dataset.poll === "page" && pathInfo.requestPath !== here();

  document.body.addEventListener("htmx:beforeSwap", (event) => {
    const { elt, target } = event.detail;
    if (isPoll(elt) && (target.querySelector(IN_USE) || isOutdated(event.detail))) {
      event.detail.shouldSwap = false;
      setTimeout(() => htmx.trigger(elt, "tick"), 500);
    }
  });

  document.body.addEventListener("htmx:afterRequest", (event) => {
    const { successful, xhr, elt } = event.detail;
    if (successful) {
      if (notice.dataset.kind === "connection" || !isPoll(elt)) notice.hidden = true;
      return;
    }
    if (elt.id === "live") return; // has a sign of its own
    if (xhr.status === 0 || (xhr.status >= 500 && !xhr.getResponseHeader("Retry-After"))) {
      tell("connection", "FaceTrack does not respond. This page continues as soon as it does.");
    } else if (xhr.getResponseHeader("Retry-After")) {
      tell("refusal", "Too many requests at once. Wait a few seconds, then try again.");
    } else if (xhr.status === 403) {
      tell("refusal", "Your role does not allow this. Ask an administrator of your organisation.");
    } else {
      tell("refusal", `That did not work (${xhr.status}): it may be gone by now. Reload the page.`);
    }
  });

  document.addEventListener(
    "error",
    (event) => {
      if (event.target.matches?.(".shot img:not(.still img), .pictures img")) event.target.remove(); // expired or deleted
    },
    true,
  );

  const tick = () => document.hidden || htmx.trigger(document.body, "tick");
  setInterval(tick, TICK);
  document.addEventListener("visibilitychange", tick);

  /* --- The live connection ------------------------------------------------------------------------- */

  /* The socket only hints that there is news, and of what. The news itself is fetched: visits after the page's
     own cursor, cameras as they are; on each hint and each time that a connection opens, so nothing is lost
     while there is none. */
  function follow(sign) {
    const visits = document.getElementById("live"); // on the dashboard
    let patience = 1; // seconds
    let socket = null;
    let timer = 0;
    let ended = false;

    const fetchVisits = () => visits && !ended && htmx.trigger(visits, "news");
    const fetchCameras = () => ended || document.hidden || htmx.trigger(document.body, "cameras");
    const fetchAll = () => [fetchVisits(), fetchCameras()];
    const backoff = () => {
      patience = Math.min(15, patience * 2);
      return 1000 * (1 + Math.random() * (patience - 1));
    };

    function show(state, ...content) {
      sign.dataset.state = state;
      sign.replaceChildren(...content);
    }

    document.body.addEventListener("signedout", () => {
      ended = true;
      clearTimeout(timer);
      if (socket) socket.close();
    });

    function refused(code) {
      if (code === 4401) signOut();
      else if (code === 4403) signOut("You are no longer a member of this organisation.");
      else if (code === 4404) signOut("This address no longer belongs to a customer.");
      return ended;
    }

    function open() {
      const scheme = location.protocol === "https:" ? "wss:" : "ws:";
      let since = 0;
      clearTimeout(timer);
      socket = new WebSocket(`${scheme}//${location.host}${sign.dataset.socket}`);
      socket.addEventListener("open", () => {
        since = Date.now();
        show("live", "Live");
        fetchAll();
      });
      socket.addEventListener("message", (event) => {
        if (JSON.parse(event.data).about === "cameras") fetchCameras();
        else fetchVisits();
      });
      socket.addEventListener("close", (event) => {
        if (ended || refused(event.code)) return;
        show("waiting", "Not live, reconnecting…");
        if (since && Date.now() - since > PATIENT) patience = 1;
        timer = setTimeout(open, backoff());
      });
    }

    function wake() {
      if (document.hidden || ended) return;
      if (socket.readyState === WebSocket.CLOSED) open();
      else fetchVisits();
    }

    if (visits) followVisits(visits, () => setTimeout(fetchVisits, backoff()));
    window.addEventListener("online", wake);
    document.addEventListener("visibilitychange", wake);
    setInterval(fetchVisits, SAFETY);
    open();
  }

  function followVisits(root, again) {
    const list = document.getElementById("live-visits");
    root.addEventListener("htmx:afterRequest", (event) => {
      if (!event.detail.successful && event.detail.xhr.status !== 403) again();
    });
    document.body.addEventListener("htmx:oobAfterSwap", () => {
      while (list.children.length > Number(root.dataset.rows)) list.lastElementChild.remove();
    });
  }

  const sign = document.getElementById("live-state");
  if (sign) follow(sign);
})();
