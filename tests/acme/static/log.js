// What the pages of Acme CRM share: user tokens from its backend, and the event log.

const byId = (id) => document.getElementById(id);

export async function fetchUserToken() {
  const response = await fetch("/user-token", { method: "POST" });
  if (!response.ok) throw new Error(`Acme answered ${response.status}`);
  return (await response.json()).user_token;
}

export function say(text) {
  byId("status").textContent = text;
  byId("status").hidden = !text;
}

export function log(name, detail = "") {
  const entry = document.createElement("li");
  const time = document.createElement("time");
  time.textContent = new Date().toLocaleTimeString("en-GB");
  const title = document.createElement("b");
  title.textContent = name;
  entry.append(time, title, detail);
  byId("log").prepend(entry);
}

export function describe(event) {
  const label = event.credential?.accountLabel;
  return [event.integrationType, label].filter(Boolean).join(", ");
}

export function logEvents(sdk) {
  for (const name of ["onPortalOpen", "onPortalClose", "onIntegrationInstall", "onIntegrationUninstall"]) {
    sdk.subscribe(name, (event) => log(name, describe(event)));
  }
}
