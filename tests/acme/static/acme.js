// The settings page of Acme CRM: draws the cards and hands clicks to the portal's SDK.

import { fetchUserToken, log, logEvents, say } from "/log.js";

const { portal, project } = document.body.dataset;
const sdk = globalThis.ConnectPortal;
const byId = (id) => document.getElementById(id);
const BADGES = { VALID: "Connected", PENDING: "Not finished", INVALID: "Needs attention" };

function accountRow(credential) {
  const row = document.createElement("li");
  const note = credential.missingScopes.length ? " (some permissions are missing)" : "";
  row.textContent = (credential.accountLabel ?? "Account") + note;
  return row;
}

function card(integration, state) {
  const item = byId("card").content.cloneNode(true).firstElementChild;
  const part = (selector) => item.querySelector(selector);
  const connected = state?.allCredentials.length > 0;
  const status = state?.credentialStatus;
  item.dataset.integration = integration.type;
  item.dataset.status = status ?? "";
  part("img").src = integration.icon;
  part("h2").textContent = integration.name;
  part(".description").textContent = integration.description;
  part(".accounts").replaceChildren(...(state?.allCredentials ?? []).map(accountRow));
  part(".badge").textContent = BADGES[status] ?? "";
  part("[data-action=connect]").hidden = status === "VALID";
  part("[data-action=connect]").textContent = connected ? "Reconnect" : "Connect";
  part("[data-action=manage]").hidden = part("[data-action=disconnect]").hidden = !connected;
  for (const button of item.querySelectorAll("button")) {
    button.setAttribute("aria-label", `${button.textContent} ${integration.name}`);
  }
  return item;
}

let integrations = [];

function draw() {
  const user = sdk.getUser();
  const focused = document.activeElement?.getAttribute("aria-label");
  const cards = integrations.map((each) => card(each, user.integrations[each.type]));
  byId("cards").replaceChildren(...cards);
  if (focused) document.querySelector(`[aria-label="${CSS.escape(focused)}"]`)?.focus();
}

const offered = (type) => integrations.find((each) => each.type === type).accountTypes;

const actions = {
  connect: (type) =>
    sdk.connect(type, {
      // "Let the user choose" means: among what the vendor offers for this integration.
      accountType: byId("account-type").value || offered(type),
      selectedCredentialId: sdk.getUser().integrations[type]?.credentialId,
      theme: "auto",
    }),
  manage: () => sdk.manage({ theme: "auto" }),
  disconnect: (type) => sdk.uninstallIntegration(type),
};

async function act(button) {
  const { integration } = button.closest(".card").dataset;
  try {
    await actions[button.dataset.action](integration);
  } catch (error) {
    log(error.code ?? "error", error.message);
  }
}

byId("cards").addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (button) act(button);
});

async function start() {
  if (!sdk) return say(`The portal at ${portal} does not answer. Start it and reload this page.`);
  logEvents(sdk);
  for (const name of ["onPortalClose", "onIntegrationInstall", "onIntegrationUninstall"]) {
    sdk.subscribe(name, draw);
  }
  try {
    await sdk.authenticate(project, { fetchUserToken });
    integrations = await sdk.getIntegrationMetadata();
    say("");
    draw();
  } catch (error) {
    say(error.message);
    log(error.code ?? "error", error.message);
  }
}

start();
