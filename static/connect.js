// The browser SDK: docs/sdk.md describes it, connect.d.ts has the types. The user token travels
// in headers, forms and messages to the portal, and is stored nowhere.

const OWN_CLIENT = "user-configured-oauth";
const VERSION = "0.1.0";
const EVENTS = ["onIntegrationInstall", "onIntegrationUninstall", "onPortalOpen", "onPortalClose"];
const STEPS = ["start", "setAccountType", "setPreOptions", "setPostOptions", "cancel"];
const LEFT_FOR = "connect-portal-flow";
const SORRY = "Connecting does not work at the moment. Try again later.";
const STYLE = `
.cp-portal { background: Canvas; color: CanvasText; font: 1rem/1.5 system-ui; }
.cp-portal button { min-inline-size: 3rem; min-block-size: 3rem; border: 0; background: none; color: inherit; font: inherit; }
.cp-portal iframe { inline-size: 100%; block-size: 34rem; min-block-size: 0; border: 0; }
.cp-portal[data-state=loading] iframe { visibility: hidden; }
.cp-portal[data-state=ready] p { display: none; }
dialog.cp-portal { box-sizing: border-box; inline-size: min(var(--width, 30rem), 100vw - 2rem); max-inline-size: none; max-block-size: calc(100dvh - 2rem); padding: 0; border: 1px solid GrayText; border-radius: 12px; overflow: hidden; }
dialog.cp-portal[open] { display: flex; flex-direction: column; }
dialog.cp-portal::backdrop { background: rgb(0 0 0 / 0.5); }
html:has(dialog.cp-portal[open]) { overflow: hidden; }
.cp-bar { display: flex; align-items: center; justify-content: space-between; }
.cp-bar, .cp-portal p { padding-inline-start: 1rem; }
@media (max-width: 559.98px) {
  dialog.cp-portal { inline-size: 100vw; block-size: 100dvh; max-block-size: none; border: 0; border-radius: 0; }
  dialog.cp-portal iframe { flex: auto; }
}`;

export class ConnectPortalError extends Error {
  name = "ConnectPortalError";

  constructor(code, message, more = {}) {
    super(message);
    this.code = code;
    Object.assign(this, { displayMessage: SORRY, errors: [], ...more });
  }
}

let origin = new URL(import.meta.url).origin;
let session = null;
let portal = null;
let headless = null;
let sessions = 0;
const listeners = new Map(EVENTS.map((name) => [name, new Set()]));
const running = new Set();
const sheet = new CSSStyleSheet();
sheet.replaceSync(STYLE);

const problem = (code, message, more) => new ConnectPortalError(code, message, more);
const refuse = (...why) => {
  throw problem(...why);
};

function call(fn, ...args) {
  try {
    fn?.(...args);
  } catch (error) {
    reportError(error);
  }
}

// A promise whose failure has a callback as well may be left alone.
function handled(promise, onError) {
  promise.catch((error) => call(onError, error));
  return promise;
}

function listenersOf(name) {
  return listeners.get(name) ?? refuse("invalid_argument", `Events are ${EVENTS.join(", ")}.`);
}

function announce(name, event) {
  for (const fn of [...listenersOf(name)]) call(fn, event, api.getUser());
}

addEventListener("securitypolicyviolation", (event) => {
  const { disposition, effectiveDirective: directive, blockedURI } = event;
  if (disposition !== "enforce" || !`${blockedURI}/`.startsWith(`${origin}/`)) return;
  const advice = `Add ${origin} to ${directive} in this page's Content-Security-Policy.`;
  console.error(`Connect Portal: ${advice}`);
  for (const each of running) each.blocked(directive, problem("blocked_by_csp", advice));
});

// A token's lifetime counts from its arrival, so a wrong clock does no harm.
function renewalTime(token) {
  try {
    const { exp, iat } = JSON.parse(atob(token.split(".")[1].replace(/-/g, "+").replace(/_/g, "/")));
    return Math.min(exp * 1000, Date.now() + (exp - iat) * 1000) - 60_000;
  } catch {
    return Infinity;
  }
}

async function renew(s) {
  try {
    const token = await s.fetchUserToken();
    if (typeof token !== "string" || !token) throw new TypeError("fetchUserToken gave no string");
    s.renewAt = renewalTime(token);
    return (s.token = token);
  } catch (cause) {
    throw problem("token_fetch_failed", "fetchUserToken did not give a user token.", { cause });
  } finally {
    s.renewal = null;
  }
}

function freshToken(s) {
  if (!s.fetchUserToken || (s.token && Date.now() < s.renewAt)) return s.token;
  return (s.renewal ??= renew(s));
}

// An answer that this page may not read tells a portal that is up from one that is down.
async function unanswered({ name }) {
  const probe = fetch(`${origin}/healthz`, { mode: "no-cors" }).then(() => name !== "TimeoutError");
  if (await probe.catch(() => false)) {
    refuse("origin_not_allowed", `${location.origin} is not an origin of the project. Add it there.`);
  }
  const advice = "Is it up, and in connect-src of this page's Content-Security-Policy?";
  refuse("portal_unreachable", `The portal at ${origin} does not answer. ${advice}`);
}

async function request(s, path, method = "GET", body = undefined, retried = false) {
  const token = await freshToken(s);
  const response = await fetch(`${origin}/api/v1${path}`, {
    method,
    headers: { Authorization: `Bearer ${token}`, "Content-Type": "application/json" },
    body: JSON.stringify(body),
    credentials: "omit",
    cache: "no-store",
    signal: AbortSignal.timeout(15_000),
  }).catch(unanswered);
  const answer = await response.json().catch(() => ({}));
  if (response.ok) return answer;
  const { status } = response;
  if (status === 401 && s.fetchUserToken && !retried) {
    s.token = "";
    return request(s, path, method, body, true);
  }
  const { code = `http_${status}`, title = status, errors, request_id: requestId } = answer;
  const { display_message: displayMessage = SORRY } = answer;
  refuse(code, `${title}. ${displayMessage}`, { displayMessage, errors, requestId, status });
}

const flowOf = (s, id) => request(s, `/flows/${encodeURIComponent(id)}`);

function toCredential(c) {
  return {
    id: c.id,
    integrationType: c.integration,
    status: c.status === "LIMITED" ? "VALID" : c.status,
    reason: c.reason || null,
    providerId: c.account_id || null,
    accountLabel: c.account_label || null,
    accountType: c.account_type,
    externalId: c.external_id || null,
    scopes: c.scopes,
    missingScopes: c.missing_scopes,
    dateCreated: c.created_at,
    dateUpdated: c.updated_at,
  };
}

function toEvent(credential) {
  return { integrationType: credential.integrationType, credentialId: credential.id, credential };
}

function toState({ connections }) {
  const live = connections.filter(({ status }) => !status.startsWith("DISCONNECT"));
  const allCredentials = live.map(toCredential);
  const current = allCredentials.find((c) => c.status === "VALID") ?? allCredentials[0];
  const status = current?.status;
  const enabled = status === "VALID";
  return { enabled, credentialId: current?.id, credentialStatus: status, allCredentials };
}

async function loadUser(s) {
  const { user, integrations } = await request(s, "/me");
  s.user = {
    authenticated: true,
    userId: user.external_id,
    name: user.name || null,
    email: user.email || null,
    integrations: Object.fromEntries(integrations.map((i) => [i.type, toState(i)])),
  };
}

async function loadMetadata(s) {
  const { integrations } = await request(s, "/me/integrations");
  s.metadata = integrations.map(({ account_types, ...i }) => ({ ...i, accountTypes: account_types }));
}

async function metadataOf(s, type) {
  const find = () => s.metadata.find((i) => i.type === type);
  if (!find()) await loadMetadata(s);
  const offered = s.metadata.map((i) => i.type).join(", ") || "none";
  return find() ?? refuse("integration_not_found", `"${type}" is not offered. Offered: ${offered}.`);
}

function currentSession() {
  return session ?? refuse("not_authenticated", "Call ConnectPortal.authenticate() first.");
}

function credentialOf(s, id, type) {
  const { integrations } = s.user;
  const external = String(id).replace(/^ext:/, "");
  return (type ? [integrations[type]] : Object.values(integrations))
    .flatMap((state) => state?.allCredentials ?? [])
    .find((c) => c.id === id || c.externalId === external);
}

async function installed(s, connection) {
  await loadUser(s).catch(() => {});
  const event = toEvent(toCredential(connection));
  announce("onIntegrationInstall", event);
  return event;
}

async function resume(s) {
  const id = sessionStorage.getItem(LEFT_FOR);
  if (!id) return null;
  sessionStorage.removeItem(LEFT_FOR);
  const { status, error, connection } = await flowOf(s, id);
  if (connection) return installed(s, connection);
  const code = status === "NEEDS_OPTIONS" ? "options_missing" : error?.code;
  return refuse(code ?? "cancelled", "The account is not connected yet.");
}

async function checked(s, method, type, options) {
  const { selectedCredentialId: selected, overrideRedirectUrl: url } = options;
  if (options.bypassPostOAuthPrompt && options.showPortalAfterInstall) {
    refuse("invalid_argument", "bypassPostOAuthPrompt contradicts showPortalAfterInstall.");
  }
  const external = options.externalId?.trim().replace(/^ext:/, "");
  if (external === "" || (external && selected)) {
    refuse("invalid_argument", "externalId is for a new connection: not empty, none selected.");
  }
  if (external && credentialOf(s, external, type)) {
    refuse("external_id_taken", `Use selectedCredentialId "ext:${external}" to reconnect.`);
  }
  const { accountTypes: offered } = await metadataOf(s, type);
  const types = [options.accountType ?? []].flat().map((id) => id.trim()).filter(Boolean);
  const wrong = types.find((id) => !offered.includes(id));
  if (wrong) {
    const known = ["default", OWN_CLIENT].includes(wrong);
    const code = known ? "account_type_not_allowed" : "account_type_unknown";
    refuse(code, `"${wrong}" is not offered. Offered: ${offered.join(", ")}.`);
  }
  const again = method === "connect" || options.allowMultipleCredentials;
  if (!again && s.user.integrations[type]?.enabled) {
    refuse("already_installed", `"${type}" is connected. See allowMultipleCredentials.`);
  }
  if (url && !url.startsWith(`${origin}/oauth/callback/`)) {
    refuse("redirect_url_not_allowed", `Redirect URLs start with ${origin}/oauth/callback/.`);
  }
  return {
    integration: type,
    account_type: types,
    connection_id: selected && (credentialOf(s, selected, type)?.id ?? selected),
    external_id: external,
    return_url: options.returnUrl,
  };
}

function element(tag, props, ...children) {
  const node = Object.assign(document.createElement(tag), props);
  node.append(...children);
  return node;
}

const unique = () => `cp-${crypto.randomUUID()}`;
const openWindow = () => window.open("", unique(), "popup,width=520,height=760");

function post(path, target, fields) {
  const inputs = Object.entries(fields).flatMap(([name, values]) =>
    [values || []].flat().map((value) => element("input", { type: "hidden", name, value })),
  );
  const action = origin + path;
  const form = element("form", { method: "post", action, target, hidden: true }, ...inputs);
  const own = document.querySelectorAll("meta[name=referrer]");
  // Under the policies no-referrer and same-origin the browser would send "Origin: null".
  const meta = element("meta", { name: "referrer", content: "strict-origin" });
  document.head.append(meta);
  document.body.append(form);
  form.submit();
  form.remove();
  meta.remove();
  // Removing the element does not undo its policy; saying the page's own once more does.
  for (const each of own) each.content = each.content;
}

async function follow(run, id, isOver) {
  for (let asked = 0; !run.closed; asked++) {
    await new Promise((resolve) => setTimeout(resolve, asked < 60 ? 1_000 : 5_000));
    const gone = run.window.closed;
    // A page that isolates itself loses the window at once: no person is as fast.
    run.isolated ||= gone && !asked;
    try {
      const flow = await flowOf(run.session, id);
      if (isOver(flow)) return;
      if (gone && !run.isolated) run.close();
    } catch (error) {
      if (error.status < 500 && error.status !== 429) throw error;
    }
  }
}

class Portal {
  code = "cancelled";
  stop = new AbortController();
  pending = Promise.resolve();
  seen = new Set();
  outcome = new Promise((resolve, reject) => Object.assign(this, { resolve, reject }));

  constructor(visit, display) {
    Object.assign(this, visit);
    const { signal } = this.stop;
    this.options.signal?.addEventListener("abort", () => this.close("aborted"), { signal });
    running.add(this);
    this.window = display === "window" && openWindow();
    this.tell("onPortalOpen", "onOpen", { integrationType: this.wish.integration });
    if (this.window) this.submit("window", this.window.name);
    else if (display === "redirect") this.submit("page", "_top");
    // Also where a window was asked for and none opened.
    else this.embed(signal);
  }

  embed(signal) {
    this.draw(this.label, this.options);
    addEventListener("message", (event) => this.receive(event), { signal });
    this.frame.addEventListener("load", () => this.loaded(), { signal });
    this.submit("embed", this.frame.name);
  }

  draw(label, { container, theme }) {
    const frame = { name: unique(), title: label, className: "cp-frame", allow: "clipboard-write" };
    this.frame = element("iframe", { ...frame, referrerPolicy: "origin" });
    this.note = element("p", { role: "status" }, "Loading");
    const props = { className: "cp-portal", lang: "en", ariaLabel: label };
    const root = element(container ? "section" : "dialog", props);
    root.dataset.state = "loading";
    root.style.colorScheme = ["light", "dark"].includes(theme) ? theme : "light dark";
    root.oncancel = (event) => {
      event.preventDefault();
      this.close();
    };
    if (!container) root.append(element("div", { className: "cp-bar" }, label, this.button("✕")));
    root.append(this.note, this.frame);
    if (!document.adoptedStyleSheets.includes(sheet)) document.adoptedStyleSheets.push(sheet);
    (container ?? document.body).append(root);
    root.showModal?.();
    this.root = root;
  }

  button(text) {
    const onclick = () => this.close();
    return element("button", { type: "button", ariaLabel: "Close", onclick }, text);
  }

  tell(name, callback, event) {
    if (name) announce(name, event);
    if (this.seen.has(callback)) return;
    this.seen.add(callback);
    call(this.options[callback], event, api.getUser());
  }

  async submit(display, target) {
    const { session: s, wish, frame } = this;
    try {
      // Begun here, so that this page can ask how it ends elsewhere.
      const flow = !frame && wish.integration && (await request(s, "/me/flows", "POST", wish));
      this.fields = { user_token: await freshToken(s), display, ...wish, ...this.look };
      if (this.closed) return;
      if (frame) this.wait();
      this.path = `/embed/${encodeURIComponent(s.projectId)}/`;
      post(`${this.path}open`, target, this.fields);
      if (this.window && flow) await this.watch(flow.id);
      if (display === "page") await this.leave(flow.id);
    } catch (error) {
      this.die(error);
    }
  }

  async watch(id) {
    await follow(this, id, ({ status, error }) => {
      if (error) this.code = error.code;
      this.isolated ||= this.window.closed && ["WAITING", "EXCHANGING"].includes(status);
      const ended = ["COMPLETED", "CANCELLED", "EXPIRED"].includes(status);
      return ended || (this.isolated && status === "FAILED");
    });
    await this.confirm(id);
    this.close();
  }

  async leave(id) {
    sessionStorage.setItem(LEFT_FOR, id);
    // A page that the browser kept goes on when the person comes back to it.
    await new Promise((resolve) => addEventListener("pageshow", resolve, { once: true }));
    this.resolve(await resume(this.session));
    this.close();
  }

  wait() {
    const advice = `Is ${location.origin} an origin of the project, and is the portal up?`;
    const error = problem("portal_unreachable", `${origin} showed no page. ${advice}`);
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.die(error), 10_000);
  }

  loaded() {
    const { handshake, fields, frame } = this;
    const message = { v: 1, source: "connect-portal-sdk", type: "open", fields };
    if (handshake) frame.contentWindow.postMessage(message, origin);
    this.handshake = false;
  }

  receive({ source, origin: from, data }) {
    const { frame, options } = this;
    if (!source || source !== frame.contentWindow || from !== origin) return;
    if (data?.v !== 1 || data.source !== "connect-portal") return;
    const { type, flow, connection, code } = data;
    if (type === "ready") this.ready();
    if (type === "resize") this.resize(data);
    if (type === "failed" || type === "session_ended") this.code = String(code || "failed");
    if (type === "connected") this.after(() => this.confirm(flow));
    if (type === "choosing" && options.bypassPostOAuthPrompt) this.after(() => this.skip());
    if (type === "disconnected") this.after(() => this.confirmGone(connection));
    if (type === "leaving") sessionStorage.setItem(LEFT_FOR, flow);
    if (type === "close") this.close();
  }

  ready() {
    clearTimeout(this.timer);
    const { dataset } = this.root;
    if (dataset.state === "ready") return;
    dataset.state = "ready";
    if (this.root.contains(document.activeElement)) this.frame.focus();
  }

  resize({ height, wide }) {
    if (Number.isFinite(height)) this.frame.style.blockSize = `${Math.max(160, height)}px`;
    this.root.style.setProperty("--width", wide ? "58rem" : "");
  }

  after(work) {
    this.pending = this.pending.then(work).catch(({ code }) => (this.code = code));
  }

  // A message is only a hint: the portal's answer decides.
  async confirm(id) {
    const { session: s, options, wish } = this;
    if (typeof id !== "string" || this.seen.has(id)) return;
    const { status, connection } = await flowOf(s, id);
    if (status !== "COMPLETED" || !connection) return;
    this.seen.add(id);
    const event = await installed(s, connection);
    this.tell("", options.onInstall ? "onInstall" : "onSuccess", event);
    if (wish.integration) this.resolve(event);
    if (!this.stay) this.close();
  }

  async skip() {
    await loadUser(this.session);
    const { allCredentials } = this.session.user.integrations[this.wish.integration];
    this.resolve(toEvent(allCredentials.find(({ status }) => status === "PENDING")));
    this.close();
  }

  async confirmGone(id) {
    const before = credentialOf(this.session, id);
    await loadUser(this.session);
    if (!before || credentialOf(this.session, id)) return;
    this.tell("onIntegrationUninstall", "onUninstall", toEvent(before));
  }

  // A page that may not send a form may still show a page of the portal that does.
  blocked(directive, error) {
    if (directive === "form-action" && this.frame) {
      this.handshake = true;
      this.wait();
      this.frame.src = `${origin}${this.path}frame`;
    } else if (["form-action", "frame-src"].includes(directive)) this.die(error);
  }

  die(error) {
    if (this.dead || this.closed) return;
    this.dead = true;
    clearTimeout(this.timer);
    console.error(`Connect Portal: ${error.message}`);
    this.reject(error);
    if (!this.root) return this.close();
    this.root.dataset.state = "dead";
    this.frame.remove();
    this.note.replaceChildren(SORRY, this.button("Close"));
    this.root.querySelector("button").focus();
  }

  close(code = "") {
    if (this.closed) return;
    this.closed = true;
    clearTimeout(this.timer);
    this.stop.abort();
    this.root?.close?.();
    this.root?.remove();
    if (!this.stay) this.window?.close();
    running.delete(this);
    if (portal === this) portal = null;
    this.tell("onPortalClose", "onClose", { integrationType: this.wish.integration });
    const message = "The portal was closed before an account was connected.";
    const fail = (why) => this.reject(problem(why, message));
    if (code) return fail(code);
    this.pending.then(() => (this.wish.integration ? fail(this.code) : this.resolve()));
  }
}

async function openPortal(method, type, options) {
  const s = currentSession();
  const manages = method === "manage";
  const wish = manages ? { integration: "" } : await checked(s, method, type, options);
  if (options.signal?.aborted) refuse("aborted", "The signal was aborted.");
  if (portal && !portal.dead) refuse("portal_already_open", "Close the open portal first.");
  portal?.close();
  const { locale, theme, display } = options;
  const mode = manages ? "manage" : wish.connection_id ? "reconnect" : "install";
  const name = s.metadata.find((i) => i.type === type)?.name;
  const label = manages ? "Manage connections" : `Connect ${name}`;
  const stay = method !== "installIntegration" || options.showPortalAfterInstall;
  const look = { locale, theme, mode };
  portal = new Portal({ session: s, wish, options, label, stay, look }, display);
  return portal.outcome;
}

const visit = (method, type, options = {}) =>
  handled(openPortal(method, type, options), options.onError);

async function step(name, args) {
  const s = currentSession();
  if (!headless) refuse("headless_off", "Call ConnectPortal.setHeadless(true) first.");
  return (await headless)[name](s, ...args);
}

const api = {
  configure({ baseUrl }) {
    const next = new URL(baseUrl).origin;
    if (next !== origin) api.logout();
    origin = next;
  },

  async authenticate(projectId, userToken) {
    const source = typeof userToken === "string" ? { token: userToken } : userToken;
    const s = { projectId, renewAt: Infinity, ...source };
    if (!projectId || (!s.token && typeof s.fetchUserToken !== "function")) {
      refuse("invalid_argument", "Give a project id and a user token or fetchUserToken.");
    }
    const mine = ++sessions;
    await Promise.all([loadUser(s), loadMetadata(s)]);
    if (mine !== sessions) refuse("superseded", "A later call took over.");
    session = s;
    s.resumed = handled(resume(s));
    return api.getUser();
  },

  getUser: () => (session ? structuredClone(session.user) : { authenticated: false }),

  async getIntegrationMetadata(type) {
    const s = currentSession();
    await loadMetadata(s);
    return structuredClone(type ? await metadataOf(s, type) : s.metadata);
  },

  connect: (type, options) => visit("connect", type, options),
  installIntegration: (type, options) => visit("installIntegration", type, options),
  manage: (options) => visit("manage", "", options),
  resume: async () => currentSession().resumed,

  async uninstallIntegration(type, { selectedCredentialId } = {}) {
    const s = currentSession();
    await metadataOf(s, type);
    await loadUser(s);
    const id = selectedCredentialId ?? s.user.integrations[type]?.credentialId;
    const credential = credentialOf(s, id, type);
    if (!credential) refuse("not_installed", `"${type}" has no such connection.`);
    await request(s, `/me/connections/${encodeURIComponent(credential.id)}`, "DELETE");
    await loadUser(s);
    announce("onIntegrationUninstall", toEvent(credential));
  },

  async setHeadless(on) {
    headless = on && import("./connect-headless.js").then((module) => module.steps(core));
    await headless;
  },

  installFlow: Object.fromEntries(
    STEPS.map((name) => [name, (...args) => handled(step(name, args), args[1]?.onError)]),
  ),

  subscribe(event, fn) {
    listenersOf(event).add(fn);
    return () => api.unsubscribe(event, fn);
  },

  unsubscribe(event, fn) {
    listenersOf(event).delete(fn);
  },

  closePortal: () => portal?.close(),

  async logout() {
    const s = session;
    sessions++;
    for (const each of [...running]) each.close();
    session = null;
    if (s) await request(s, "/me/sessions", "DELETE");
  },

  getVersion: () => VERSION,
};

const core = { call, checked, follow, installed, openWindow, post, problem, request, running };

globalThis.ConnectPortal = api;
export { api as ConnectPortal };
export default api;
