"use strict";

/* Pictures of cameras: stills are fetched every few seconds while the page is visible, and moving ones are asked
   for again before the server ends them. */
(() => {
  const EVERY = 3000;
  const FIRST = 800; // until there is a first picture: asking for it is what makes the worker send one
  const OLD = 10; // seconds: a picture that is older says so
  const MOVING = 280000;
  const asked = new WeakMap(); // each still to when it was last asked for

  function ago(seconds) {
    return seconds < 60 ? `${seconds} s ago` : `${Math.round(seconds / 60)} min ago`;
  }

  function read(blob) {
    return new Promise((resolve, reject) => {
      const reader = new FileReader();
      reader.addEventListener("load", () => resolve(reader.result));
      reader.addEventListener("error", reject);
      reader.readAsDataURL(blob);
    });
  }

  function show(still, source, age) {
    const image = still.querySelector("img") ?? still.appendChild(document.createElement("img"));
    const note = still.querySelector("small") ?? still.appendChild(document.createElement("small"));
    image.alt = still.dataset.name;
    image.src = source;
    note.textContent = age > OLD ? ago(age) : "";
  }

  async function fetchStill(still) {
    asked.set(still, Date.now());
    try {
      const answer = await fetch(still.dataset.still, { cache: "no-store" });
      if (answer.status === 401 || new URL(answer.url).pathname === document.body.dataset.login) {
        document.body.dispatchEvent(new CustomEvent("signedout"));
      } else if (answer.ok && answer.headers.get("Content-Type") === "image/jpeg") {
        show(still, await read(await answer.blob()), Number(answer.headers.get("Age")));
      } else {
        still.replaceChildren(); // there is none, or no longer one: the text below says why
      }
    } catch {
      still.replaceChildren(); // what cannot be confirmed is not shown as if it were of now
    }
  }

  // Not before the page has loaded: it would count as loading for as long as no picture comes.
  function look() {
    if (document.hidden || document.readyState !== "complete") return;
    document.querySelectorAll("[data-moving]:not([src])").forEach(move);
    for (const still of document.querySelectorAll("[data-still]")) {
      const pause = still.firstChild ? EVERY : FIRST;
      if (Date.now() - (asked.get(still) ?? 0) >= pause) fetchStill(still);
    }
  }

  function move(image) {
    image.classList.remove("failed");
    if (image.isConnected) image.src = `${image.dataset.moving}?${Date.now()}`;
  }

  document.body.addEventListener("htmx:load", look);
  setInterval(look, 250);
  setInterval(() => document.querySelectorAll("[data-moving]").forEach(move), MOVING);
  document.addEventListener(
    "error",
    (event) => {
      if (!event.target.matches?.("[data-moving]")) return;
      event.target.classList.add("failed"); // or the browser draws a broken picture
      setTimeout(move, EVERY, event.target);
    },
    true,
  );
  window.addEventListener("load", look);
})();
