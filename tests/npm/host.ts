// A host page that uses everything that connect.d.ts declares; what must be refused says so.
import portal, { ConnectPortal, ConnectPortalError } from "../../static/connect.js";
import type { ErrorCode, Input, InstallEvent, Stage, User } from "../../static/connect.js";

const same: typeof portal = ConnectPortal;
globalThis.ConnectPortal = same;
// @ts-expect-error: a URL is needed
ConnectPortal.configure({});
ConnectPortal.configure({ baseUrl: "https://connect.example.com" });

const user: User = await ConnectPortal.authenticate("project", { fetchUserToken: () => "token" });
await ConnectPortal.authenticate("project", "token");
// @ts-expect-error: a user without authentication has no integrations
user.integrations;
if (user.authenticated) user.integrations.gmail?.allCredentials[0]?.missingScopes.join();

const { signal } = new AbortController();
const event: InstallEvent = await ConnectPortal.connect("gmail", {
  accountType: ["default", "user-configured-oauth"],
  display: "window",
  externalId: "sales",
  bypassPostOAuthPrompt: true,
  returnUrl: "https://app.example.com/back",
  signal,
  onSuccess: ({ credentialId }) => credentialId.length,
  onError: ({ code, displayMessage }) => `${code} ${displayMessage}`,
});
event.credential.accountLabel?.trim();
await ConnectPortal.installIntegration("gmail", { showPortalAfterInstall: true, allowMultipleCredentials: true });
// @ts-expect-error: there is no such display
await ConnectPortal.connect("gmail", { display: "popover" });
// @ts-expect-error: a portal of connections installs nothing
await ConnectPortal.manage({ accountType: "default" });
await ConnectPortal.manage({ container: document.body, theme: "dark", locale: "de" });
await ConnectPortal.uninstallIntegration("gmail", { selectedCredentialId: "ext:sales" });
(await ConnectPortal.resume())?.credentialId;
const off: () => void = ConnectPortal.subscribe("onPortalOpen", ({ integrationType }) => integrationType);
off();
// @ts-expect-error: there is no such event
ConnectPortal.subscribe("onOpen", () => {});

function draw(input: Input): string {
  switch (input.type) {
    case "permission":
      return input.requiredScopes.join(" ");
    case "copyable":
      return input.value;
    case "password":
      return String(input.saved);
    case "select":
      return input.options.map(({ label }) => label).join();
    case "switch":
      return String(input.value);
    case "text":
      return `${input.prefix}${input.value}${input.suffix}`;
  }
}

function show(stage: Stage): unknown {
  switch (stage.stage) {
    case "accountType":
      return ConnectPortal.installFlow.setAccountType(stage.options[0]!.id);
    case "instruction":
      return stage.finish.onClick();
    case "preOptions":
    case "postOptions":
      return stage.options.map(draw);
    case "oauth":
      return stage.open();
    case "done":
      return stage.done;
  }
}

await ConnectPortal.setHeadless(true);
const { installFlow } = ConnectPortal;
const done: InstallEvent = await installFlow.start("gmail", {
  accountType: "user-configured-oauth",
  onNext: show,
  onComplete: ({ credentialId }) => credentialId,
  onError: (error, at) => at?.stage === "preOptions" && error.errors.map(({ field }) => field),
  oauthTimeout: 60_000,
  instructions: true,
  signal,
});
await installFlow.setPreOptions({ client_id: "id", client_secret: "secret", scopes: ["openid"] });
await installFlow.setPostOptions("site");
await installFlow.cancel();
await ConnectPortal.logout();

const code: ErrorCode = "popup_blocked";
// @ts-expect-error: no code of ours
const unknown: ErrorCode = "popup_blokced";
export const error: Error = new ConnectPortalError(code, done.integrationType + unknown);
