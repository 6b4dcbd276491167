// A page that uses everything that connect-element.d.ts declares; what must be refused says so.
import { ConnectPortalElement } from "../../static/connect-element.js";

const element: ConnectPortalElement = document.createElement("connect-portal");
element.fetchUserToken = async () => "token";
element.options = { container: document.body, signal: new AbortController().signal };
// @ts-expect-error: what is told comes as events
element.options = { onInstall: () => {} };
element.addEventListener("connected", ({ detail }) => detail.credential.accountLabel?.trim());
element.addEventListener("failed", (event) => {
  event.preventDefault();
  return event.detail.displayMessage;
});
// @ts-expect-error: a portal that opens tells of no error
element.addEventListener("opened", ({ detail }) => detail.displayMessage);
await element.open();
