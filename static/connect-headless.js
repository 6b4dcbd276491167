// @ts-check
// Install flows that the host's own pages draw. ConnectPortal.setHeadless(true) loads this module
// and hands it the parts of connect.js that it needs: the two come from one server and one release.

const OWN_CLIENT = "user-configured-oauth";
const CLIENT_FIELDS = ["client_id", "client_secret", "scopes", "secret_expires_on", "another_client"];
const UNDER_WAY = ["DRAFT", "WAITING", "EXCHANGING"];
const ENDED = ["COMPLETED", "CANCELLED", "EXPIRED"];
const OVER = ["flow_closed", "flow_not_found"];

const snake = (key) => key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
const camel = (key) => key.replace(/_./g, (part) => part[1].toUpperCase());

/** Rename the keys of what the API sends, all the way down. */
function renamed(value) {
  if (Array.isArray(value)) return value.map(renamed);
  if (!value || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [camel(key), renamed(each)]));
}

/** Sort values by input name into what the API takes: the client's own fields, and settings. */
function clientBody({ settings = {}, ...values }) {
  const body = { settings: { ...settings } };
  for (const [key, value] of Object.entries(values)) {
    const name = snake(key);
    // It is shown to be copied, and no field.
    if (name === "redirect_url") continue;
    (CLIENT_FIELDS.includes(name) ? body : body.settings)[name] = value;
  }
  if (typeof body.scopes === "string") body.scopes = body.scopes.split(/[\s,]+/).filter(Boolean);
  return body;
}

/** The value of the one choice that follows the approval. */
function choiceBody(values) {
  const value = typeof values === "string" ? values : Object.values(values)[0];
  return { post_option: value };
}

/** Show what the API asks for as the stage that `onNext` gets. */
function shown(step) {
  const { stage, inputs, redirect_url: redirectUrl, notices = [] } = step;
  const options = renamed(inputs);
  if (stage !== "accountType") return { stage, options, redirectUrl, notices, done: false };
  const types = options[0].options;
  const choices = types.map(({ value, label }) => ({ id: value, accountDescription: label }));
  return { stage, options: choices, done: false };
}

class Install {
  core;
  session;
  wish;
  options;
  id;
  trip;
  closed = false;
  resolve;
  reject;
  outcome = new Promise((resolve, reject) => Object.assign(this, { resolve, reject }));
  stage = "";
  instructed = false;

  constructor(core, session, wish, options) {
    Object.assign(this, { core, session, wish, options });
    core.running.add(this);
    options.signal?.addEventListener("abort", () => this.cancel("aborted"));
  }

  request(path, body) {
    return this.core.request(this.session, path, body && "POST", body);
  }

  /** Take one step. A window that it may need is opened before, inside the click. */
  async step(path, body, window) {
    try {
      const step = await this.request(`/me/flows${path}`, body);
      if (!this.closed) await this.take(step, window);
      else window?.close();
    } catch (error) {
      window?.close();
      if (!this.id) return this.end(error);
      if (OVER.includes(error.code) && (await this.finish())) return;
      this.fail(error);
      throw error;
    }
  }

  async take(step, window) {
    this.id = step.id;
    this.stage = step.stage;
    if (step.stage === "done") return this.finish();
    if (step.start_ticket) return this.launch(step.start_ticket, window);
    window?.close();
    if (step.stage === "oauth") return this.next(this.leaving());
    const { instructions } = this.options;
    if (step.instruction && instructions && !this.instructed) return this.instruct(step);
    this.next(shown(step));
  }

  next(stage) {
    this.core.call(this.options.onNext, stage);
  }

  /** Tell what is wrong at this stage; the install goes on. */
  fail(error) {
    this.core.call(this.options.onError, error, { stage: this.stage });
  }

  instruct(step) {
    this.instructed = true;
    const onClick = () => this.next(shown(step));
    const finish = { type: "finishButton", label: "Continue", onClick };
    this.next({ stage: "instruction", ...renamed(step.instruction), finish, done: false });
  }

  leaving() {
    // What fails then is told by onError.
    return { stage: "oauth", open: () => this.reopen().catch(() => {}), done: false };
  }

  launch(ticket, window) {
    this.stopWaiting();
    this.next(this.leaving());
    if (!window) {
      const advice = "The browser kept the provider's window shut. Call stage.open() in a click.";
      const displayMessage = "Your browser kept the window shut. Allow it and press the button again.";
      return this.fail(this.core.problem("popup_blocked", advice, { displayMessage }));
    }
    this.core.post("/oauth/start", window.name, { start_ticket: ticket });
    this.wait(window);
  }

  /** Open the provider's window once more, in a click. What was refused is begun anew. */
  async reopen() {
    const window = this.core.openWindow();
    if (this.refused) {
      await this.request(`/me/flows/${this.id}/cancel`, {});
      this.wish = { ...this.wish, account_type: [this.refused] };
    }
    this.refused = "";
    await this.step("", this.wish, window);
  }

  async wait(window) {
    const trip = { session: this.session, window, close: () => this.lost(trip) };
    this.trip = trip;
    const { oauthTimeout } = this.options;
    if (oauthTimeout) trip.timer = setTimeout(() => this.cancel("consent_timeout"), oauthTimeout);
    try {
      let flow;
      await this.core.follow(trip, this.id, (found) => {
        flow = found;
        return !UNDER_WAY.includes(found.status);
      });
      if (!trip.closed) await this.back(flow);
    } catch (error) {
      this.end(error);
    }
  }

  async back(flow) {
    this.stopWaiting();
    this.stage = flow.stage;
    if (flow.status === "FAILED") {
      const { code, display_message: displayMessage } = flow.error;
      if (flow.stage === "oauth") this.refused = flow.account_type;
      this.fail(this.core.problem(code, displayMessage, { displayMessage }));
    }
    await this.take(flow);
  }

  /** The window is gone, as far as this page can see. Its result may come all the same. */
  lost(trip) {
    if (trip.told) return;
    trip.told = true;
    const advice = "The provider's window was closed. Call stage.open() in a click, or cancel().";
    const displayMessage = "The window was closed before you approved. Open it again, or cancel.";
    this.fail(this.core.problem("popup_closed", advice, { displayMessage }));
  }

  stopWaiting() {
    if (!this.trip) return;
    clearTimeout(this.trip.timer);
    this.trip.closed = true;
    this.trip.window.close();
    this.trip = null;
  }

  async cancel(code = "cancelled") {
    if (this.closed) return;
    const path = `/me/flows/${this.id}/cancel`;
    const done = this.id && (await this.request(path, {}).catch(() => null));
    // What is approved already is seen through to its end.
    if (done?.status === "COMPLETED") return this.finish();
    if (done?.status === "EXCHANGING") return;
    this.next({ stage: "done", done: true });
    this.close(code);
  }

  /** Ask how it ended, and tell. */
  async finish() {
    const { status, connection } = await this.request(`/flows/${this.id}`);
    if (!ENDED.includes(status)) return false;
    const event = connection && (await this.core.installed(this.session, connection));
    this.next({ stage: "done", done: true });
    if (!event) this.close(status === "EXPIRED" ? "consent_timeout" : "cancelled");
    this.end();
    if (event) this.core.call(this.options.onComplete, event);
    this.resolve(event);
    return true;
  }

  /** A policy of this page forbids what the install needs. */
  blocked(directive, error) {
    if (directive === "form-action") this.end(error);
  }

  close(code = "cancelled") {
    this.end(this.core.problem(code, "The install ended before an account was connected."));
  }

  end(error) {
    if (this.closed) return;
    this.closed = true;
    this.stopWaiting();
    this.core.running.delete(this);
    if (error) this.reject(error);
  }
}

/** Whether beginning leads straight to the provider, so that a window must be opened with it. */
function opensAtOnce(session, wish) {
  const { accountTypes } = session.metadata.find(({ type }) => type === wish.integration);
  const others = accountTypes.filter((id) => id !== OWN_CLIENT);
  const { allCredentials = [] } = session.user.integrations[wish.integration] ?? {};
  const kept = allCredentials.filter(({ id }) => id === wish.connection_id).map((c) => c.accountType);
  const [types] = [wish.account_type, kept, others].filter((each) => each.length);
  return types?.length === 1 && types[0] !== OWN_CLIENT;
}

/** @param {any} core The parts of connect.js. Returns the methods of `installFlow`. */
export function steps(core) {
  let install = null;

  function active() {
    if (install && !install.closed) return install;
    throw core.problem("no_active_flow", "Call installFlow.start() first.");
  }

  const at = (part) => `/${active().id}/${part}`;

  async function setPreOptions(session, values) {
    const body = clientBody(values);
    await active().step(at("pre-options"), body, body.another_client ? null : core.openWindow());
  }

  return {
    async start(session, type, options = {}) {
      const wish = await core.checked(session, "installFlow", type, options);
      if (options.signal?.aborted) throw core.problem("aborted", "The signal was aborted.");
      install?.close("superseded");
      install = new Install(core, session, wish, options);
      const window = opensAtOnce(session, wish) ? core.openWindow() : null;
      install.step("", wish, window);
      return install.outcome;
    },

    async setAccountType(session, id) {
      const window = id === OWN_CLIENT ? null : core.openWindow();
      await active().step(at("account-type"), { account_type: id }, window);
    },

    setPreOptions,

    async setPostOptions(session, values) {
      if (active().stage === "preOptions") return setPreOptions(session, values);
      return active().step(at("post-options"), choiceBody(values));
    },

    async cancel() {
      await active().cancel();
    },
  };
}
