"use strict";

/* A button with data-copy="id" copies what the field of that id holds; where the browser allows no
   clipboard (plain http), it selects the text for the person to copy. */
for (const button of document.querySelectorAll("[data-copy]")) {
  button.addEventListener("click", async () => {
    const field = document.getElementById(button.dataset.copy);
    field.select();
    try {
      await navigator.clipboard.writeText(field.value);
      button.textContent = button.dataset.copied;
    } catch {
      button.textContent = "Press Ctrl+C";
    }
  });
}
