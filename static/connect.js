// @ts-check
// Connect Portal for the browser. The user token stays in this module's scope: it travels in an
// Authorization header or a form body, never in a URL, storage, an error or the console.

/** @import * as T from "./connect.js" */
/** @typedef {{projectId: string, token: string, renewAt: number, fetchUserToken?: T.TokenSource["fetchUserToken"], renewal?: Promise<string> | null, user: T.AuthenticatedUser, metadata: T.IntegrationMetadata[]}} Session */
/** @typedef {{type: string, mode: "install" | "manage" | "reconnect", label: string, stay: boolean, options: T.InstallOptions, fields: [string, string | undefined][]}} Visit */
/** @typedef {{id: string, integration: string, status: string, [key: string]: any}} WireConnection */

const VERSION = "0.1.0";
const EVENTS = /** @type {const} */ ([
  "onIntegrationInstall",
  "onIntegrationUninstall",
  "onPortalOpen",
  "onPortalClose",
]);
const LIVE = ["VALID", "LIMITED", "PENDING", "INVALID"];
const RENEW_BEFORE = 60_000;
const REQUEST_TIMEOUT = 15_000;
const READY_AFTER_SUBMIT = 10_000;
const READY_AFTER_LOAD = 4_000;

const STYLE = `
.cp-portal { box-sizing: border-box; position: relative; background: Canvas; color: CanvasText; font: 1rem/1.5 system-ui, sans-serif; }
.cp-portal * { box-sizing: border-box; }
.cp-portal[data-state]:not([data-state=ready]) .cp-frame { visibility: hidden; }
.cp-portal[data-state=ready] .cp-note { display: none; }
dialog.cp-portal { position: fixed; inline-size: min(var(--width, 30rem), 100vw - 2rem); max-inline-size: none; max-block-size: calc(100dvh - 2rem); margin: auto; padding: 0; border: 1px solid GrayText; border-radius: 12px; overflow: hidden; }
dialog.cp-portal[open] { display: flex; flex-direction: column; }
dialog.cp-portal::backdrop { background: rgb(0 0 0 / 0.5); }
html:has(dialog.cp-portal[open]) { overflow: hidden; }
.cp-bar { display: flex; align-items: center; justify-content: space-between; padding: 0.25rem 0.25rem 0.25rem 1rem; font-size: 0.875rem; }
.cp-button { min-inline-size: 2.5rem; min-block-size: 2.5rem; padding: 0 0.75rem; border: 1px solid transparent; border-radius: 8px; background: none; color: inherit; font: inherit; cursor: pointer; }
.cp-button:hover, .cp-note .cp-button { border-color: currentcolor; }
.cp-button:focus-visible { outline: 2px solid currentcolor; outline-offset: -3px; }
.cp-note { padding: 1rem; text-align: center; }
.cp-portal[data-state=loading] .cp-note { position: absolute; inset: 4rem 0 auto; }
.cp-note .cp-button { display: block; margin: 1rem auto 0; }
.cp-frame { display: block; flex: 0 1 auto; inline-size: 100%; block-size: 34rem; min-block-size: 0; border: 0; color-scheme: inherit; }
@media (max-width: 559.98px) {
  dialog.cp-portal { inline-size: 100vw; block-size: 100dvh; max-block-size: none; border: 0; border-radius: 0; }
  dialog.cp-portal .cp-frame { flex: 1 1 auto; }
}
@media (prefers-reduced-motion: no-preference) {
  dialog.cp-portal { animation: cp-in 0.16s ease-out; }
}
@keyframes cp-in { from { opacity: 0; } }`;

/** @implements {T.ConnectPortalError} */
export class ConnectPortalError extends Error {
  /** @param {string} code @param {string} message @param {string} [requestId] */
  constructor(code, message, requestId) {
    super(message);
    this.name = "ConnectPortalError";
    this.code = code;
    this.requestId = requestId;
  }
}

let origin = new URL(import.meta.url).origin;
/** @type {Session | null} */
let session = null;
/** @type {Portal | null} */
let portal = null;
let sessions = 0;
const listeners = new Map(EVENTS.map((name) => [name, /** @type {Set<T.Listener>} */ (new Set())]));

/** @param {string} code @param {string} message */
const problem = (code, message) => new ConnectPortalError(code, message);

/** Call the host's function; what it throws is the host's, not ours.
 * @param {Function | undefined} fn @param {unknown[]} args */
function call(fn, ...args) {
  try {
    fn?.(...args);
  } catch (error) {
    reportError(error);
  }
}

/** @param {T.EventName} name @param {T.PortalEvent} event */
function announce(name, event) {
  for (const fn of [...listenersOf(name)]) call(fn, event, api.getUser());
}

/** @param {T.EventName} name */
function listenersOf(name) {
  const found = listeners.get(name);
  if (!found) throw problem("invalid_argument", `Events are ${EVENTS.join(", ")}.`);
  return found;
}

/** When to renew a token. Its lifetime counts from its arrival, so a wrong clock does no harm.
 * @param {string} token */
function renewalTime(token) {
  try {
    const { exp, iat } = JSON.parse(atob(token.split(".")[1].replace(/-/g, "+").replace(/_/g, "/")));
    return Math.min(exp * 1000, Date.now() + (exp - iat) * 1000) - RENEW_BEFORE;
  } catch {
    return Infinity;
  }
}

/** @param {Session} s */
async function renew(s) {
  try {
    const token = await s.fetchUserToken?.();
    if (typeof token !== "string" || !token) throw new TypeError("fetchUserToken gave no string");
    s.renewAt = renewalTime(token);
    return (s.token = token);
  } catch (cause) {
    const error = problem("token_fetch_failed", "fetchUserToken did not give a user token.");
    error.cause = cause;
    throw error;
  } finally {
    s.renewal = null;
  }
}

/** @param {Session} s @returns {Promise<string> | string} */
function freshToken(s) {
  if (!s.fetchUserToken || (s.token && Date.now() < s.renewAt)) return s.token;
  return (s.renewal ??= renew(s));
}

/** @param {Session} s @param {string} path @returns {Promise<any>} */
async function request(s, path, method = "GET", retried = false) {
  const token = await freshToken(s);
  /** @type {Response} */
  let response;
  try {
    response = await fetch(`${origin}/api/v1${path}`, {
      method,
      headers: { Authorization: `Bearer ${token}` },
      credentials: "omit",
      cache: "no-store",
      signal: AbortSignal.timeout(REQUEST_TIMEOUT),
    });
  } catch {
    throw problem(
      "network_error",
      `No answer from ${origin}. Check that it is up, that ${location.origin} is registered for ` +
        "the project, and that this page's Content-Security-Policy allows it in connect-src.",
    );
  }
  const body = await response.json().catch(() => ({}));
  if (response.ok) return body;
  if (response.status === 401 && s.fetchUserToken && !retried) {
    s.token = "";
    return request(s, path, method, true);
  }
  throw new ConnectPortalError(
    body.code ?? `http_${response.status}`,
    body.display_message ?? `The portal answered ${response.status}.`,
    body.request_id,
  );
}

/** @param {WireConnection} c @returns {T.Credential} */
function toCredential(c) {
  return {
    id: c.id,
    integrationType: c.integration,
    status: c.status === "LIMITED" ? "VALID" : /** @type {T.CredentialStatus} */ (c.status),
    reason: c.reason || null,
    providerId: c.account_id || null,
    accountLabel: c.account_label || null,
    accountType: c.account_type,
    externalId: c.external_id || null,
    scopes: c.scopes ?? [],
    missingScopes: c.missing_scopes ?? [],
    dateCreated: c.created_at,
    dateUpdated: c.updated_at,
  };
}

/** @param {WireConnection[]} connections @returns {T.IntegrationState} */
function toState(connections) {
  const allCredentials = connections.filter((c) => LIVE.includes(c.status)).map(toCredential);
  const current = allCredentials.find((c) => c.status === "VALID") ?? allCredentials[0];
  return {
    enabled: current?.status === "VALID",
    credentialId: current?.id,
    credentialStatus: current?.status,
    allCredentials,
  };
}

/** @param {Session} s */
async function loadUser(s) {
  const { user, integrations } = await request(s, "/me");
  s.user = {
    authenticated: true,
    userId: user.external_id,
    name: user.name || null,
    email: user.email || null,
    integrations: Object.fromEntries(
      integrations.map((/** @type {any} */ i) => [i.type, toState(i.connections)]),
    ),
  };
}

/** @param {Session} s */
async function loadMetadata(s) {
  const { integrations } = await request(s, "/me/integrations");
  s.metadata = integrations.map((/** @type {any} */ { account_types, ...rest }) => ({
    ...rest,
    accountTypes: account_types,
  }));
}

/** @param {Session} s @param {string} type */
async function metadataOf(s, type) {
  const find = () => s.metadata.find((i) => i.type === type);
  if (!find()) await loadMetadata(s);
  const found = find();
  if (found) return found;
  const types = s.metadata.map((i) => i.type).join(", ") || "none";
  throw problem("integration_not_found", `"${type}" is not offered. Integrations offered: ${types}.`);
}

function currentSession() {
  if (session) return session;
  throw problem("not_authenticated", "Call ConnectPortal.authenticate() first.");
}


/** @template {keyof HTMLElementTagNameMap} K @param {K} tag
 * @param {Partial<HTMLElementTagNameMap[K]>} props @param {(Node | string)[]} children
 * @returns {HTMLElementTagNameMap[K]} */
function element(tag, props, ...children) {
  const node = Object.assign(document.createElement(tag), props);
  node.append(...children);
  return node;
}

/** @param {() => void} onclick @param {string} text @param {string} ariaLabel */
const button = (onclick, text, ariaLabel) =>
  element("button", { type: "button", className: "cp-button", ariaLabel, onclick }, text);

/** Draw the dialog, or the same inside the host's container.
 * @param {Visit} visit @param {() => void} close */
function draw({ label, options: { container, theme } }, close) {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(STYLE);
  document.adoptedStyleSheets.push(sheet);
  const trigger = /** @type {HTMLElement | null} */ (document.activeElement);
  const note = element("div", { className: "cp-note", role: "status" }, "Loading");
  const frame = element("iframe", {
    name: `cp-${crypto.getRandomValues(new Uint32Array(4)).join("")}`,
    title: label,
    className: "cp-frame",
    allow: "clipboard-write",
    referrerPolicy: "origin",
  });
  const props = { className: "cp-portal", lang: "en", ariaLabel: label };
  const dialog = container ? null : element("dialog", props);
  const root = dialog ?? element("div", { ...props, role: "region" });
  root.dataset.state = "loading";
  root.style.colorScheme = theme === "light" || theme === "dark" ? theme : "light dark";
  if (dialog) {
    root.append(element("div", { className: "cp-bar" }, label, button(close, "✕", "Close")));
    dialog.oncancel = (event) => {
      event.preventDefault();
      close();
    };
  }
  root.append(note, frame);
  (container ?? document.body).append(root);
  dialog?.showModal();
  return {
    frame,
    ready() {
      root.dataset.state = "ready";
      if (root.contains(document.activeElement)) frame.focus();
    },
    /** @param {string} text */
    dead(text) {
      root.dataset.state = "dead";
      frame.remove();
      note.replaceChildren(text, button(close, "Close", "Close"));
      dialog?.querySelector("button")?.focus();
    },
    remove() {
      const hadFocus = root.contains(document.activeElement);
      dialog?.close();
      root.remove();
      document.adoptedStyleSheets = document.adoptedStyleSheets.filter((other) => other !== sheet);
      if (hadFocus) trigger?.focus();
    },
  };
}

/** Submit the fields into the frame, once.
 * @param {string} action @param {string} target @param {Visit["fields"]} fields */
function post(action, target, fields) {
  const inputs = fields
    .filter(([, value]) => value)
    .map(([name, value]) => element("input", { type: "hidden", name, value }));
  const form = element("form", { method: "post", action, target, hidden: true }, ...inputs);
  const own = /** @type {NodeListOf<HTMLMetaElement>} */ (
    document.querySelectorAll("meta[name=referrer]")
  );
  // Under the policies no-referrer and same-origin the browser would send "Origin: null".
  const meta = element("meta", { name: "referrer", content: "strict-origin" });
  document.head.append(meta);
  document.body.append(form);
  form.submit();
  form.remove();
  meta.remove();
  // Removing the element does not undo its policy; saying the page's own once more does.
  for (const element of own) element.content = element.content;
}

class Portal {
  code = "cancelled";
  dead = false;
  closed = false;
  stop = new AbortController();
  /** Work the outcome waits for. */
  pending = Promise.resolve();
  /** @type {Set<unknown>} */
  seen = new Set();
  timer = 0;
  /** @type {(event: any) => void} */
  resolve = () => {};
  /** @type {(error: ConnectPortalError) => void} */
  reject = () => {};
  /** @type {Promise<any>} */
  outcome = new Promise((resolve, reject) => Object.assign(this, { resolve, reject }));

  /** @param {Session} s @param {Visit} visit */
  constructor(s, visit) {
    this.session = s;
    this.visit = visit;
    this.view = draw(visit, () => this.close());
    const { signal } = this.stop;
    addEventListener("message", (event) => this.receive(event), { signal });
    document.addEventListener("securitypolicyviolation", (e) => this.violation(e), { signal });
    this.view.frame.addEventListener("load", () => this.loaded(), { signal });
    visit.options.signal?.addEventListener("abort", () => this.close("aborted"), { signal });
    this.tell("onPortalOpen", "onOpen", { integrationType: visit.type });
    this.submit();
  }

  /** Tell subscribers, and the visit's own callback at most once.
   * @param {T.EventName} name @param {"onOpen" | "onClose" | "onInstall" | "onSuccess" | "onUninstall"} callback
   * @param {T.PortalEvent} event */
  tell(name, callback, event) {
    announce(name, event);
    if (this.seen.has(name)) return;
    this.seen.add(name);
    call(this.visit.options[callback], event, api.getUser());
  }

  async submit() {
    try {
      const token = await freshToken(this.session);
      if (this.closed) return;
      this.timer = setTimeout(() => this.unreachable(), READY_AFTER_SUBMIT);
      const { frame } = this.view;
      const action = `${origin}/embed/${encodeURIComponent(this.session.projectId)}/open`;
      post(action, frame.name, [["user_token", token], ...this.visit.fields]);
    } catch (error) {
      this.die(/** @type {ConnectPortalError} */ (error));
    }
  }

  loaded() {
    const { frame } = this.view;
    if (frame.contentDocument?.URL === "about:blank") return;
    frame.contentWindow?.postMessage({ v: 1, source: "connect-portal-sdk", type: "hello" }, origin);
    if (this.seen.has("ready")) return;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.unreachable(), READY_AFTER_LOAD);
  }

  /** @param {MessageEvent} event */
  receive({ source, origin: from, data }) {
    if (!source || source !== this.view.frame.contentWindow || from !== origin) return;
    if (data?.v !== 1 || data.source !== "connect-portal") return;
    if (data.type === "ready") this.ready();
    if (data.type === "resize") this.resize(data);
    if (data.type === "connected") this.after(() => this.confirm(data.flow));
    if (data.type === "failed" || data.type === "session_ended") this.code = String(data.code || "failed");
    if (data.type === "disconnected") this.after(() => this.confirmGone(data.connection));
    if (data.type === "close") this.close();
  }

  ready() {
    clearTimeout(this.timer);
    if (this.seen.has("ready")) return;
    this.seen.add("ready");
    this.view.ready();
  }

  /** @param {any} data */
  resize({ height, wide }) {
    const { frame } = this.view;
    if (Number.isFinite(height)) frame.style.blockSize = `${Math.max(160, height)}px`;
    frame.parentElement?.style.setProperty("--width", wide ? "58rem" : "");
  }

  /** @param {() => Promise<void>} work */
  after(work) {
    this.pending = this.pending.then(work).catch((error) => {
      this.code = error.code;
    });
  }

  /** A message is only a hint: ask the portal whether the flow is complete.
   * @param {unknown} flow */
  async confirm(flow) {
    if (typeof flow !== "string" || this.seen.has(flow)) return;
    const { status, connection } = await request(this.session, `/flows/${encodeURIComponent(flow)}`);
    if (status !== "COMPLETED" || !connection) return;
    this.seen.add(flow);
    await loadUser(this.session).catch(() => {});
    const credential = toCredential(connection);
    const event = {
      integrationType: credential.integrationType,
      credentialId: credential.id,
      credential,
    };
    const { mode, options, stay } = this.visit;
    this.tell("onIntegrationInstall", options.onInstall ? "onInstall" : "onSuccess", event);
    if (mode !== "manage") this.resolve(event);
    if (!stay) this.close();
  }

  /** @param {unknown} id */
  async confirmGone(id) {
    const before = credentialOf(this.session, id);
    await loadUser(this.session);
    if (!before || credentialOf(this.session, id)) return;
    this.tell("onIntegrationUninstall", "onUninstall", {
      integrationType: before.integrationType,
      credentialId: before.id,
      credential: before,
    });
  }

  /** @param {SecurityPolicyViolationEvent} event */
  violation({ disposition, effectiveDirective, blockedURI }) {
    if (disposition !== "enforce" || !`${blockedURI}/`.startsWith(`${origin}/`)) return;
    if (!["form-action", "frame-src"].includes(effectiveDirective)) return;
    const advice = `Add ${origin} to ${effectiveDirective} in this page's Content-Security-Policy.`;
    this.die(problem("blocked_by_csp", advice));
  }

  unreachable() {
    this.die(
      problem(
        "portal_unreachable",
        `The portal at ${origin} did not show its page. Likely causes: ${location.origin} is not ` +
          "registered for the project; this page's Content-Security-Policy does not allow " +
          `${origin} in frame-src and form-action; the portal is down.`,
      ),
    );
  }

  /** Reject and leave a message that the user closes.
   * @param {ConnectPortalError} error */
  die(error) {
    if (this.dead || this.closed) return;
    this.dead = true;
    clearTimeout(this.timer);
    console.error(`Connect Portal: ${error.message}`);
    this.view.dead("The connection page could not be loaded. Close this and try again.");
    this.reject(error);
  }

  close(code = "") {
    if (this.closed) return;
    this.closed = true;
    clearTimeout(this.timer);
    this.stop.abort();
    this.view.remove();
    if (portal === this) portal = null;
    this.tell("onPortalClose", "onClose", { integrationType: this.visit.type });
    if (code) return this.reject(problem(code, "The portal was closed by the page."));
    this.pending.then(() => this.settle());
  }

  settle() {
    if (this.visit.mode === "manage") return this.resolve(undefined);
    const message =
      this.code === "cancelled" ? "The user closed the portal." : "The account was not connected.";
    this.reject(problem(this.code, message));
  }
}

/** Find a live credential by id, external id or `ext:<external id>`.
 * @param {Session} s @param {unknown} id @param {string} [type] */
function credentialOf(s, id, type) {
  const { integrations } = s.user;
  const external = String(id).replace(/^ext:/, "");
  return (type ? [integrations[type]] : Object.values(integrations))
    .flatMap((state) => state?.allCredentials ?? [])
    .find((c) => c.id === id || c.externalId === external);
}

/** @param {Session} s @param {string} type @param {T.InstallOptions} options @returns {Visit["fields"]} */
function checkedFields(s, type, options) {
  const { accountType, externalId, selectedCredentialId: selected, locale, theme } = options;
  const external = externalId?.trim().replace(/^ext:/, "");
  if (external === "" || (external && selected)) {
    const message = "externalId names a new connection: not empty, not with selectedCredentialId.";
    throw problem("invalid_argument", message);
  }
  if (external && credentialOf(s, external, type)) {
    throw problem("external_id_taken", `Use selectedCredentialId "ext:${external}" to reconnect.`);
  }
  return [
    ["integration", type],
    ...[accountType ?? []].flat().map((id) => /** @type {[string, string]} */ (["account_type", id.trim()])),
    ["connection_id", selected && (credentialOf(s, selected, type)?.id ?? selected)],
    ["external_id", external],
    ["display", "embed"],
    ["locale", locale],
    ["theme", theme],
  ];
}

/** Check everything that can be refused without opening, then open at once.
 * @param {"connect" | "installIntegration" | "manage"} method
 * @param {string} type @param {T.InstallOptions} options */
async function open(method, type, options) {
  const s = currentSession();
  const fields = checkedFields(s, type, options);
  let mode = /** @type {Visit["mode"]} */ (options.selectedCredentialId ? "reconnect" : "install");
  let label = "Manage connections";
  if (method === "manage") mode = method;
  else {
    // No await for a known type: the dialog appears within the click.
    const { name } = s.metadata.find((i) => i.type === type) ?? (await metadataOf(s, type));
    label = `${mode === "install" ? "Connect" : "Reconnect"} ${name}`;
  }
  if (method === "installIntegration" && !options.allowMultipleCredentials) {
    if (s.user.integrations[type]?.enabled) {
      throw problem("already_installed", `"${type}" is connected. See allowMultipleCredentials.`);
    }
  }
  if (options.signal?.aborted) throw problem("aborted", "The signal was aborted.");
  if (portal && !portal.dead) throw problem("portal_already_open", "Close the open portal first.");
  portal?.close();
  const stay = method !== "installIntegration" || !!options.showPortalAfterInstall;
  fields.push(["mode", mode], ["show_after", stay ? "1" : "0"]);
  portal = new Portal(s, { type, mode, label, stay, options, fields });
  return portal.outcome;
}

/** @param {Parameters<typeof open>} args */
function visit(...args) {
  const outcome = open(...args);
  const { onError } = args[2];
  if (onError) outcome.catch((error) => call(onError, error));
  return outcome;
}

/** @type {T.ConnectPortalApi} */
const api = {
  configure({ baseUrl }) {
    const next = new URL(baseUrl).origin;
    if (next !== origin) api.logout();
    origin = next;
  },

  async authenticate(projectId, userToken) {
    const source = typeof userToken === "string" ? { token: userToken } : userToken;
    const s = /** @type {Session} */ ({ projectId, token: "", renewAt: Infinity, ...source });
    if (!projectId || (!s.token && typeof s.fetchUserToken !== "function")) {
      throw problem("invalid_argument", "Give a project id and a user token or fetchUserToken.");
    }
    const mine = ++sessions;
    await Promise.all([loadUser(s), loadMetadata(s)]);
    if (mine !== sessions) throw problem("superseded", "Another authenticate() or logout() came later.");
    session = s;
    return api.getUser();
  },

  getUser: () => (session ? structuredClone(session.user) : { authenticated: false }),

  /** @param {string} [type] @returns {Promise<any>} */
  async getIntegrationMetadata(type) {
    const s = currentSession();
    await loadMetadata(s);
    return structuredClone(type ? await metadataOf(s, type) : s.metadata);
  },

  connect: (type, options = {}) => visit("connect", type, options),
  installIntegration: (type, options = {}) => visit("installIntegration", type, options),
  manage: (options = {}) => visit("manage", "", options),

  async uninstallIntegration(type, { selectedCredentialId } = {}) {
    const s = currentSession();
    await metadataOf(s, type);
    const find = () =>
      credentialOf(s, selectedCredentialId ?? s.user.integrations[type]?.credentialId, type);
    const credential = find() ?? (await loadUser(s), find());
    if (!credential) throw problem("not_installed", `"${type}" has no such connection.`);
    await request(s, `/me/connections/${encodeURIComponent(credential.id)}`, "DELETE");
    await loadUser(s);
    announce("onIntegrationUninstall", {
      integrationType: type,
      credentialId: credential.id,
      credential,
    });
  },

  subscribe(event, fn) {
    listenersOf(event).add(fn);
    return () => api.unsubscribe(event, fn);
  },

  unsubscribe(event, fn) {
    listenersOf(event).delete(fn);
  },

  closePortal: () => portal?.close(),

  logout() {
    sessions++;
    portal?.close();
    session = null;
  },

  getVersion: () => VERSION,
};

globalThis.ConnectPortal = api;
export { api as ConnectPortal };
export default api;
