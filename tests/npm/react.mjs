// Runs the hook of docs/react.md with React and an SDK of a few lines, and prints what it saw.
import { createRequire } from "node:module";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const require = createRequire(join(process.cwd(), "x.js"));
const { StrictMode, createElement } = require("react");
const { act, create } = require("react-test-renderer");
globalThis.IS_REACT_ACT_ENVIRONMENT = true;
console.error = () => {};

const STUB = `
export const calls = [], listeners = new Set();
export const next = { failure: null, refusal: null };
let credentials = [];
export const ConnectPortal = {
  async authenticate(project, { fetchUserToken }) {
    if (next.refusal) throw next.refusal;
    calls.push([project, await fetchUserToken()]);
  },
  getUser: () => ({ authenticated: true, integrations: { gmail: {
    credentialId: credentials[0]?.id, allCredentials: credentials } } }),
  subscribe(name, fn) { const own = { fn }; listeners.add(own); return () => listeners.delete(own); },
  async connect(...call) {
    if (next.failure) throw next.failure;
    next.call = call;
    credentials = [{ id: "c1", accountLabel: "dana" }];
    for (const { fn } of listeners) fn();
    return { credentialId: "c1" };
  },
};`;

function served(name) {
  mkdirSync(join(process.cwd(), name, "static"), { recursive: true });
  const file = join(process.cwd(), name, "static", "connect.js");
  writeFileSync(file, STUB);
  return { url: pathToFileURL(join(process.cwd(), name)).href, module: pathToFileURL(file).href };
}

const { useConnectPortal } = await import(pathToFileURL(process.argv[2]).href);
const { url, module } = served("portal");
const portal = { url, project: "project", fetchUserToken: async () => "token" };
let latest;

function Shown({ of = portal }) {
  latest = useConnectPortal("gmail", of);
  return null;
}

const seen = () => ({ ready: latest.ready, credential: latest.credential?.id ?? null, error: latest.error?.code ?? null });
const told = {};
const pause = () => act(async () => { await new Promise((done) => setTimeout(done, 10)); });
async function settle() {
  for (let tries = 0; tries < 500 && !latest.ready && !latest.error; tries++) await pause();
  await pause();
}
const page = (...parts) => createElement(StrictMode, null, ...parts);

let tree;
act(() => { tree = create(page(createElement(Shown, { key: 1 }), createElement(Shown, { key: 2 }))); });
told.before = seen();
await settle();
const stub = await import(module);
told.authenticated = [...stub.calls];
told.ready = seen();
await act(async () => { told.event = (await latest.connect({ display: "window" })).credentialId; });
told.connected = stub.next.call;
told.after = seen();
stub.next.failure = Object.assign(new Error("closed"), { code: "cancelled" });
await act(async () => { await latest.connect(); });
told.cancelled = seen();
stub.next.failure = Object.assign(new Error("denied"), { code: "access_denied" });
await act(async () => { await latest.connect(); });
told.refused = seen();
stub.next.failure = null;
await act(async () => { await latest.connect(); });
told.again = seen();
act(() => tree.unmount());
told.listeners = stub.listeners.size;

const other = { ...portal, project: "other" };
stub.next.refusal = Object.assign(new Error("origin"), { code: "origin_not_allowed" });
act(() => { tree = create(page(createElement(Shown, { of: other }))); });
await settle();
told.failed = seen();
act(() => tree.unmount());
stub.next.refusal = null;
act(() => { tree = create(page(createElement(Shown, { of: other }))); });
await settle();
told.retried = seen();
act(() => tree.unmount());
console.log(JSON.stringify(told));
