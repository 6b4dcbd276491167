// @ts-check
// In the frame of a host page whose policy forbids it to send forms: takes the fields that the SDK
// of that page would have sent, and sends them on. Nothing is taken from any other window or origin.
(() => {
  "use strict";
  const { origins = "" } = document.body.dataset;

  /** @param {string} name @param {unknown} value */
  function field(name, value) {
    return Object.assign(document.createElement("input"), { type: "hidden", name, value });
  }

  /** @param {Record<string, unknown>} fields */
  function submit(fields) {
    const form = Object.assign(document.createElement("form"), { method: "post", action: "open" });
    for (const [name, values] of Object.entries(fields)) {
      for (const value of [values ?? []].flat()) form.append(field(name, value));
    }
    document.body.append(form);
    form.submit();
  }

  addEventListener("message", ({ source, origin, data }) => {
    if (source !== window.parent || source === window || !origins.split(" ").includes(origin)) return;
    if (data?.v !== 1 || data.source !== "connect-portal-sdk" || data.type !== "open") return;
    submit({ ...data.fields, host_origin: origin });
  });
})();
