/** Types of the element <connect-portal> (connect-element.js). */

import type { ConnectPortalError, InstallEvent, InstallOptions, PortalEvent } from "./connect.js";

/** The events of the element. They bubble, and cross shadow roots. */
export interface ConnectPortalEvents {
  connected: CustomEvent<InstallEvent>;
  disconnected: CustomEvent<PortalEvent>;
  opened: CustomEvent<PortalEvent>;
  closed: CustomEvent<PortalEvent>;
  /** `cancelled` included. `preventDefault()` keeps the element from telling the person. */
  failed: CustomEvent<ConnectPortalError>;
}

export class ConnectPortalElement extends HTMLElement {
  /** Where to get user tokens. Goes before the attributes. */
  fetchUserToken?: () => string | Promise<string>;
  /** Options that no attribute can hold, such as `container` and `signal`. They go before attributes. */
  options: Omit<InstallOptions, "onOpen" | "onClose" | "onInstall" | "onUninstall">;
  /** Do what a click does. Settles when it is over; its outcome is told by events. */
  open(): Promise<void>;
  addEventListener<K extends keyof ConnectPortalEvents>(
    type: K,
    listener: (this: ConnectPortalElement, event: ConnectPortalEvents[K]) => void,
    options?: boolean | AddEventListenerOptions,
  ): void;
  addEventListener(
    type: string,
    listener: EventListenerOrEventListenerObject,
    options?: boolean | AddEventListenerOptions,
  ): void;
}

declare global {
  interface HTMLElementTagNameMap {
    "connect-portal": ConnectPortalElement;
  }
}
