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

  // The preview follows each choice; what is saved is what is shown.
  function follow(form) {
    const preview = document.getElementById("look-preview");
    const save = document.getElementById("look-save");
    form.addEventListener("input", () => {
      const chosen = new FormData(form);
      preview.src = `${preview.dataset.from}?${new URLSearchParams(chosen)}`;
      for (const [name, value] of save ? chosen : []) {
        if (save.elements.namedItem(name)) save.elements.namedItem(name).value = value;
      }
    });
  }

  function begin() {
    for (const form of document.querySelectorAll("[data-look]")) follow(form);
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
