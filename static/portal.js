// @ts-check
// The portal's pages work without this file. It adds copying, showing the secret, searching permissions, focus after
// a change of page, and word to the page that embeds the portal. Nothing is stored, no message carries a secret.
(() => {
  "use strict";
  const [POLL_AFTER_START, POLL_AFTER_SILENCE, CLOSE_AFTER] = [2_000, 5_000, 1_200];
  let leaving = false;
  /** @param {string} selector @param {ParentNode} [from] @returns {any} */
  const find = (selector, from = document) => from.querySelector(selector);
  /** @param {string} selector @param {ParentNode} [from] @returns {any[]} */
  const all = (selector, from = document) => [...from.querySelectorAll(selector)];
  /** @param {string} [id] @returns {any} */
  const byId = (id) => document.getElementById(id ?? "");
  const words = byId("words")?.dataset ?? {};
  /** @param {EventTarget | null} target @param {string} selector @returns {any} */
  const closest = (target, selector) => (target instanceof Element ? target.closest(selector) : null);
  /** @param {string} id @param {string} text */
  const say = (id, text) => byId(id) && (byId(id).textContent = text);
  // The page may have gone on meanwhile: htmx throws where there is nothing to trigger.
  const poll = () => byId("poller") && /** @type {any} */ (window).htmx?.trigger("#poller", "poll");

  /** Tell the embedding page, and no other origin. @param {string} type @param {object} [more] */
  function tellHost(type, more) {
    const host = find("meta[name=portal-parent]")?.content;
    if (!host || window.parent === window) return;
    window.parent.postMessage({ v: 1, source: "connect-portal", type, ...more }, host);
  }

  /** @param {HTMLElement} button @param {string} text */
  function label(button, text) {
    const span = find("[data-label]", button);
    span.dataset.label ||= span.textContent;
    span.textContent = text;
    setTimeout(() => (span.textContent = span.dataset.label), 2_500);
  }

  /** Copy from an input, or the text of another element. @param {HTMLElement} button */
  async function copy(button) {
    const source = byId(button.dataset.copy);
    try {
      await navigator.clipboard.writeText(source.value ?? source.textContent.trim());
      label(button, words.copied);
      say("status", words.copied);
    } catch {
      const keys = /Mac|iPhone|iPad/.test(navigator.userAgent) ? "⌘C" : "Ctrl+C";
      "value" in source ? source.select() : getSelection()?.selectAllChildren(source);
      label(button, words.press.replace("KEYS", keys));
      say("status", words.selected.replace("KEYS", keys));
    }
  }

  /** @param {HTMLElement} button @param {boolean} visible */
  function reveal(button, visible) {
    byId(button.dataset.reveal).type = visible ? "text" : "password";
    button.setAttribute("aria-pressed", String(visible));
    find("[data-label]", button).textContent = visible ? words.hide : words.show;
    say("status", visible ? words.visible : words.hidden);
  }

  const hideSecrets = () => all("[data-reveal][aria-pressed=true]").forEach((button) => reveal(button, false));
  /** @param {any} box */
  function recount(box) {
    const typed = find("#extra_scopes", box)?.value.split(/[\s,]+/).filter(Boolean) ?? [];
    const names = [...new Set([...all("[data-scope-row] :checked", box).map((input) => input.value), ...typed])];
    const { same, more, fewer, both } = box.dataset;
    /** @type {string[]} */
    const asked = box.dataset.asked.split(" ");
    const [added, removed] = [names.filter((name) => !asked.includes(name)), asked.filter((name) => !names.includes(name))].map(({ length }) => length);
    const relation = (added ? (removed ? both : more) : removed ? fewer : same).replace("ADDED", added).replace("REMOVED", removed);
    find("[data-scope-count]", box).textContent = String(names.length);
    for (const place of all("[data-scope-relation]", box)) place.textContent = relation;
    for (const list of all("[data-scope-list]")) list.textContent = names.join(list.dataset.separator);
  }

  /** Choose what the vendor asks for, and nothing else. @param {any} box */
  function reset(box) {
    for (const input of all("[data-scope-row] [type=checkbox]", box)) input.checked = box.dataset.asked.split(" ").includes(input.value);
    for (const more of all("#extra_scopes", box)) more.value = "";
    for (const name of ["input", "change"]) find("[data-scope-row] input", box).dispatchEvent(new Event(name, { bubbles: true }));
  }

  /** @param {string} text */
  function filter(text) {
    const rows = all("[data-scope-row]");
    const words = text.toLowerCase().split(/\s+/);
    for (const row of rows) row.hidden = !words.every((word) => row.textContent.toLowerCase().includes(word));
    find("[data-scope-none]").hidden = rows.some((row) => !row.hidden);
  }
  /** Show that the provider's window is open. */
  function wait() {
    const title = find("[data-waiting-title]");
    if (!title) return;
    [find("[data-review]").hidden, find("[data-waiting]").hidden] = [true, false];
    title.textContent = title.dataset.waitingTitle;
    title.focus();
    setTimeout(poll, POLL_AFTER_START);
  }

  function arrive() {
    for (const { dataset } of all("[data-portal-event]")) {
      const { portalEvent, flow, connection, code } = dataset;
      delete dataset.portalEvent;
      tellHost(portalEvent, { flow, connection, code });
    }
  }

  /** The page goes. If its frame was taken away, so does the visit, unless a provider's window is open. */
  function end() {
    hideSecrets();
    const handle = find("input[name=handle]")?.value;
    if (!handle || leaving || window.parent === window) return;
    navigator.sendBeacon("/portal/end", new URLSearchParams({ handle, closed: "1" }));
  }

  /** In the provider's window: tell who opened it, ours or the visit's own host, and go if all is well, else show the way back. */
  function finish() {
    const [done, back] = [find("[data-done]"), find("[data-way-back]")];
    if (back && !window.opener && window.parent === window) back.hidden = false;
    if (!done || !window.opener) return;
    const { flow, host, done: outcome } = done.dataset;
    window.opener.postMessage({ v: 1, source: "connect-portal", type: "flow", flow }, host ?? location.origin);
    if (outcome === "connected") setTimeout(() => window.close(), CLOSE_AFTER);
  }

  document.addEventListener("click", (event) => {
    const control = closest(event.target, "button, a[href^='#']");
    const { copy: source, reveal: secret, fill, value, portalClose, scopeReset } = control?.dataset ?? {};
    if (source) copy(control);
    if (secret) reveal(control, control.getAttribute("aria-pressed") !== "true");
    if (portalClose !== undefined) tellHost("close");
    if (scopeReset !== undefined) reset(control.closest("[data-scopes]"));
    const input = byId(fill ?? control?.hash?.slice(1));
    if (!input) return;
    event.preventDefault();
    if (fill) input.value = value;
    for (let box = input.closest("details"); box; box = box.parentElement.closest("details")) box.open = true;
    input.focus();
  });

  document.addEventListener("input", (event) => {
    if (closest(event.target, "[data-scope-search]")) return filter(/** @type {any} */ (event.target).value);
    const box = closest(event.target, "[data-scopes]");
    if (box) recount(box);
  });

  document.addEventListener("keydown", (event) => {
    // The host page cannot hear Escape while the focus is in here.
    if (event.key === "Escape" && !event.defaultPrevented) tellHost("close");
    // The search box is part of the form, but Enter in it must not send the form.
    if (event.key === "Enter" && closest(event.target, "[data-scope-search]")) event.preventDefault();
  });

  document.addEventListener("submit", (event) => {
    const form = /** @type {HTMLFormElement} */ (event.target);
    hideSecrets();
    leaving = !("opens" in form.dataset);
    if (form.target === "_top") tellHost("leaving", { flow: find("[name=flow]", form).value });
    if ("opens" in form.dataset) setTimeout(wait);
    else if ("sent" in form.dataset) event.preventDefault();
    else if (!form.hasAttribute("hx-post")) form.dataset.sent = "";
  });
  addEventListener("pageshow", () => all("form[data-sent]").forEach((form) => delete form.dataset.sent));
  addEventListener("pagehide", end);
  addEventListener("message", ({ origin, source, data }) => {
    const ours = origin === location.origin && source !== window && data?.v === 1;
    if (ours && data.source === "connect-portal" && data.type === "flow") poll();
  });

  document.addEventListener("htmx:beforeSwap", (event) => {
    const { detail } = /** @type {CustomEvent} */ (event);
    say("trouble", "");
    // A whole page may answer anything, also with an error status; an error that is none is not shown.
    if (detail.serverResponse.includes('id="page"')) {
      Object.assign(detail, { target: find("#page"), selectOverride: "#page", swapOverride: "outerHTML show:none", shouldSwap: true, isError: false });
    } else if (detail.isError) {
      detail.shouldSwap = false;
      say("trouble", words.strange);
    } else if (detail.requestConfig.elt.id === "poller" && detail.requestConfig.triggeringEvent?.type === "submit") say("trouble", words.nothing);
  });
  document.addEventListener("htmx:sendError", () => say("trouble", words.offline));
  document.addEventListener("htmx:afterRequest", ({ target }) => {
    leaving = false;
    // A poller that was answered by nothing is still there, and would stay silent.
    if (target instanceof Element && target.id === "poller") setTimeout(() => target.isConnected && poll(), POLL_AFTER_SILENCE);
  });

  document.addEventListener("htmx:afterSettle", (event) => {
    if (/** @type {CustomEvent} */ (event).detail.target.id !== "page") return;
    arrive();
    (find("#errors") ?? find("#failure") ?? find("h1")).focus();
  });

  document.documentElement.classList.add("scripting");
  tellHost("ready");
  arrive();
  finish();
  find("#errors")?.focus();
  new ResizeObserver(() => tellHost("resize", { height: document.documentElement.offsetHeight, wide: Boolean(find("#page.wide")) })).observe(document.body);
})();
