// Every way to show the portal, side by side, with what each of them tells the page.

import { describe, fetchUserToken, log, logEvents, say } from "/log.js";

const { portal, project } = document.body.dataset;
const sdk = globalThis.ConnectPortal;
const byId = (id) => document.getElementById(id);
const chosen = () => byId("integration").value;
const types = () => byId("account-type").value.split(" ");
const form = byId("headless");
const element = document.querySelector("connect-portal");

function connect(more) {
  return sdk.connect(chosen(), { accountType: types(), theme: "auto", ...more });
}

function field(input) {
  const label = document.createElement("label");
  const box = document.createElement("input");
  box.name = input.name;
  box.value = input.type === "permission" ? input.value.join(" ") : (input.value ?? "");
  box.type = { password: "password", switch: "checkbox" }[input.type] ?? "text";
  box.checked = input.value === true;
  box.readOnly = input.type === "copyable";
  box.required = input.required && !input.saved && input.type !== "switch";
  const help = document.createElement("small");
  help.textContent = input.help;
  label.append(input.title, box, help);
  return label;
}

function picker(input) {
  const label = document.createElement("label");
  const select = document.createElement("select");
  select.name = input.name;
  for (const { value, label: text } of input.options) select.append(new Option(text, value));
  label.append(input.title, select);
  return label;
}

function button(text, onclick) {
  return Object.assign(document.createElement("button"), { textContent: text, type: onclick ? "button" : "submit", onclick });
}

function values() {
  const switches = [...form.querySelectorAll("[type=checkbox]")].map(({ name, checked }) => [name, checked]);
  return { ...Object.fromEntries(new FormData(form)), ...Object.fromEntries(switches) };
}

const control = (input) => (input.type === "select" ? picker(input) : field(input));

// What each stage draws. The form belongs to this page: names, order and words are its own.
const stages = {
  accountType: ({ options }) =>
    options.map(({ id, accountDescription }) => button(accountDescription, () => step("setAccountType", id))),
  preOptions: ({ options }) => [...options.map(control), button("Save and continue")],
  postOptions: ({ options }) => [...options.map(control), button("Continue")],
  oauth: ({ open }) => [button("Open the provider's window again", open), button("Cancel", () => step("cancel"))],
  done: () => [],
};

let trouble = "";

function draw(stage) {
  log("onNext", stage.stage);
  form.dataset.stage = stage.stage;
  form.hidden = stage.done;
  form.replaceChildren(...stages[stage.stage](stage));
  showTrouble();
  form.querySelector("input:not([readonly]), select, button")?.focus();
}

// What went wrong comes before the stage that it leads back to, and stays above its form.
function showTrouble() {
  form.querySelector("[role=alert]")?.remove();
  const text = Object.assign(document.createElement("p"), { role: "alert", textContent: trouble });
  if (trouble) form.prepend(text);
}

function complain(error, at) {
  log(at ? `onError at ${at.stage}` : "onError", error.code);
  const { code, displayMessage, errors } = error;
  trouble = code === "cancelled" ? "" : [displayMessage, ...errors.map(({ message }) => message)].join(" ");
  showTrouble();
}

function step(name, ...more) {
  trouble = "";
  // What is refused comes to onError as well.
  return sdk.installFlow[name](...more).catch(() => {});
}

form.onsubmit = (event) => {
  event.preventDefault();
  const { redirect_url: shown, ...entered } = values();
  step(form.dataset.stage === "postOptions" ? "setPostOptions" : "setPreOptions", entered);
};

async function makeLink() {
  const body = new URLSearchParams({ integration: chosen() });
  const { url, error } = await (await fetch("/hosted-link", { method: "POST", body })).json();
  const link = Object.assign(document.createElement("a"), { href: url, target: "_blank", textContent: "Open the link" });
  byId("link").replaceChildren(url ? link : error);
  log(url ? "link made" : "no link", error);
}

const ways = {
  modal: () => connect({}),
  inline: () => connect({ display: "inline", container: byId("inline") }),
  window: () => connect({ display: "window" }),
  redirect: () => connect({ display: "redirect", returnUrl: `${location.origin}/return` }),
  headless: () =>
    sdk.installFlow.start(chosen(), {
      accountType: types(),
      onNext: draw,
      onError: complain,
      onComplete: (event) => log("onComplete", describe(event)),
    }),
  hosted: makeLink,
};

for (const each of document.querySelectorAll("[data-way]")) {
  each.onclick = () => ways[each.dataset.way]().catch((error) => log(error.code ?? "error", error.message));
}

function follow() {
  element.setAttribute("integration", chosen());
  element.setAttribute("account-type", types().join(" "));
}
byId("integration").onchange = byId("account-type").onchange = follow;
follow();

for (const name of ["opened", "closed", "connected", "disconnected", "failed"]) {
  document.addEventListener(name, ({ detail }) => log(`<connect-portal> ${name}`, detail.code ?? describe(detail)));
}

async function start() {
  if (!sdk) return say(`The portal at ${portal} does not answer. Start it and reload this page.`);
  logEvents(sdk);
  try {
    await sdk.authenticate(project, { fetchUserToken });
    await sdk.setHeadless(true);
    say("");
  } catch (error) {
    say(error.message);
    log(error.code ?? "error", error.message);
  }
}

start();
