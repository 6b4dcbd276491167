// Selects read-only values on focus and copies them on a click. Pages work without it.
(function () {
  "use strict";

  function announce(id, text) {
    const status = document.querySelector(`[data-copied="${id}"]`);
    if (status) status.textContent = text;
  }

  function copy(button) {
    const id = button.dataset.copy;
    const input = document.getElementById(id);
    input.select();
    if (!navigator.clipboard) {
      announce(id, "Selected: press Ctrl+C");
      return;
    }
    navigator.clipboard.writeText(input.value).then(
      () => announce(id, "Copied"),
      () => announce(id, "Selected: press Ctrl+C"),
    );
  }

  function begin() {
    for (const input of document.querySelectorAll("[data-copy-source]")) {
      input.addEventListener("focus", () => input.select());
    }
    for (const button of document.querySelectorAll("[data-copy]")) {
      button.hidden = false;
      button.addEventListener("click", () => copy(button));
    }
  }

  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", begin);
  else begin();
})();
