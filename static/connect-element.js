// @ts-check
// <connect-portal>, a button that connects an account: docs/sdk.md describes it.

import portal from "./connect.js";

const LEFT_BY = "connect-portal-element";
const EVENTS = { onOpen: "opened", onClose: "closed", onInstall: "connected", onUninstall: "disconnected" };
const sheet = new CSSStyleSheet();
sheet.replaceSync(`
:host { display: inline-block }
button { min-block-size: 2.75rem; padding: 0 1rem; font: inherit }
p { margin: 0 }`);

let ready, project, settled;

// Once for all elements of a page, and again after a logout or a failure.
function authenticated(id, source) {
  if (project !== id || (settled && !portal.getUser().authenticated)) {
    settled = false;
    project = id;
    ready = portal.authenticate(id, source).finally(() => (settled = true));
  }
  return ready;
}

const posted = async (url) => (await (await fetch(url, { method: "POST" })).json()).user_token;

const make = (tag, props) => Object.assign(document.createElement(tag), props);
const camel = (name) => name.replace(/-./g, (part) => part[1].toUpperCase());

export class ConnectPortalElement extends HTMLElement {
  // Kept if a page set it before this module was loaded, as is fetchUserToken.
  options = Object(this).options ?? {};
  #fetch;
  #off;
  #name = make("slot");
  #button = make("button", { type: "button", part: "button" });
  #note = make("p", { part: "message", role: "status" });

  constructor() {
    super();
    const root = this.attachShadow({ mode: "open", delegatesFocus: true });
    root.adoptedStyleSheets = [sheet];
    this.#button.append(this.#name);
    this.#button.onclick = () => this.open();
    root.append(this.#button, this.#note, make("slot", { name: "portal" }));
  }

  get #type() {
    return this.getAttribute("integration") ?? "";
  }

  get fetchUserToken() {
    return this.#fetch;
  }

  set fetchUserToken(fn) {
    this.#fetch = fn;
    this.#begin();
  }

  connectedCallback() {
    this.#name.textContent = `Connect ${this.#type}`;
    const change = () => this.#reflect();
    this.#off = [portal.subscribe("onIntegrationInstall", change), portal.subscribe("onIntegrationUninstall", change)];
    if (Object.hasOwn(this, "fetchUserToken")) {
      this.#fetch = this.fetchUserToken;
      delete this.fetchUserToken;
    }
    this.#begin();
  }

  disconnectedCallback() {
    for (const off of this.#off) off();
  }

  async #begin() {
    if (!this.isConnected || !this.#source()) return;
    try {
      await this.#authenticate();
      if (sessionStorage[LEFT_BY] !== this.#type) return;
      delete sessionStorage[LEFT_BY];
      const event = await portal.resume();
      if (event) this.#emit("connected", event);
    } catch (error) {
      console.error(`Connect Portal: ${error.message}`);
      this.#emit("failed", error);
    }
  }

  /** Do what a click does. */
  async open() {
    const button = this.#button;
    if (button.ariaBusy) return;
    button.ariaBusy = "true";
    this.#note.textContent = "";
    try {
      await this.#authenticate();
      sessionStorage[LEFT_BY] = this.#type;
      const { mode = "connect", ...wish } = this.#wish();
      const method = mode === "install" ? "installIntegration" : mode;
      await (mode === "manage" ? portal.manage(wish) : portal[method](this.#type, wish));
    } catch (error) {
      const told = !this.#emit("failed", error) || ["cancelled", "aborted"].includes(error.code);
      if (!told) this.#note.textContent = error.displayMessage;
    }
    button.ariaBusy = null;
    this.#reflect();
  }

  #wish() {
    const named = [...this.attributes].map(({ name, value }) => [camel(name), value || true]);
    const wish = Object.assign(Object.fromEntries(named), this.options);
    if (wish.accountType?.split) wish.accountType = wish.accountType.split(/[\s,]+/);
    if (wish.display === "inline") wish.container ??= this.#inside();
    for (const [name, type] of Object.entries(EVENTS)) wish[name] = (event) => this.#emit(type, event);
    return wish;
  }

  #inside() {
    const found = this.querySelector("[slot=portal]") ?? make("div", { slot: "portal" });
    this.append(found);
    return found;
  }

  #source() {
    const [named, url, token] = ["fetch-user-token", "token-url", "user-token"].map((name) => this.getAttribute(name));
    const call = this.#fetch ?? (named ? () => globalThis[named]() : url && (() => posted(url)));
    return call ? { fetchUserToken: call } : token;
  }

  async #authenticate() {
    const id = this.getAttribute("project");
    if (id) await authenticated(id, this.#source());
    this.#reflect();
  }

  #reflect() {
    const user = portal.getUser();
    const status = user.authenticated && user.integrations[this.#type]?.credentialStatus;
    this.setAttribute("status", status || "");
  }

  #emit(name, detail) {
    return this.dispatchEvent(new CustomEvent(name, { detail, bubbles: true, composed: true, cancelable: true }));
  }
}

customElements.define("connect-portal", ConnectPortalElement);
