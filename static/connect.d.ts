/** Types of the Connect Portal browser SDK (connect.js). */

export type AccountTypeId = "default" | "user-configured-oauth" | (string & {});

export type CredentialStatus = "VALID" | "PENDING" | "INVALID";

export type EventName =
  | "onIntegrationInstall"
  | "onIntegrationUninstall"
  | "onPortalOpen"
  | "onPortalClose";

/** One connected account. Holds no token and no secret. */
export interface Credential {
  id: string;
  integrationType: string;
  /** A connection that lacks required scopes is VALID and names them in `missingScopes`. */
  status: CredentialStatus;
  /** Why the status is INVALID, such as `needs_reauth`. */
  reason: string | null;
  /** The account's id at the provider. */
  providerId: string | null;
  accountLabel: string | null;
  accountType: AccountTypeId;
  externalId: string | null;
  scopes: string[];
  missingScopes: string[];
  /** ISO 8601. */
  dateCreated: string;
  /** ISO 8601. */
  dateUpdated: string;
}

export interface IntegrationState {
  /** True if `credentialStatus` is VALID. */
  enabled: boolean;
  /** The first VALID credential, or the first one if none is. */
  credentialId?: string;
  credentialStatus?: CredentialStatus;
  allCredentials: Credential[];
}

export interface AuthenticatedUser {
  authenticated: true;
  /** The `sub` of the user token. */
  userId: string;
  name: string | null;
  email: string | null;
  integrations: Record<string, IntegrationState>;
}

export type User = { authenticated: false } | AuthenticatedUser;

export interface IntegrationMetadata {
  type: string;
  name: string;
  /** Absolute URL of the logo. */
  icon: string;
  description: string;
  accountTypes: AccountTypeId[];
}

export interface PortalEvent {
  /** Empty when a portal of `manage()` opens or closes. */
  integrationType: string;
  credentialId?: string;
  credential?: Credential;
}

export interface InstallEvent extends PortalEvent {
  credentialId: string;
  credential: Credential;
}

export type Listener<E extends PortalEvent = PortalEvent> = (event: E, user: User) => void;

export interface PortalOptions {
  /** BCP 47 language tag of the portal's pages. */
  locale?: string;
  theme?: "light" | "dark" | "auto";
  /** Closes the portal and rejects with `aborted`. */
  signal?: AbortSignal;
  /** Puts the portal inside this element; without it the portal is a modal dialog. */
  container?: HTMLElement;
  /** Called if `onInstall` is absent. */
  onSuccess?: Listener<InstallEvent>;
  onInstall?: Listener<InstallEvent>;
  onUninstall?: Listener;
  onOpen?: Listener;
  onClose?: Listener;
  /** Gets what the promise rejects with, `cancelled` and `aborted` included. */
  onError?: (error: ConnectPortalError) => void;
}

export interface ConnectOptions extends PortalOptions {
  /** One id selects that type; several give a picker in this order. */
  accountType?: AccountTypeId | AccountTypeId[];
  /** The connection to reconnect: its id, its external id, or `ext:<external id>`. */
  selectedCredentialId?: string;
  /** Your own label for a new connection, unique within the integration. */
  externalId?: string;
  /** Allows a further connection to an integration that has a VALID one. */
  allowMultipleCredentials?: boolean;
}

export interface InstallOptions extends ConnectOptions {
  /** Leaves the portal open on its last page after the install. */
  showPortalAfterInstall?: boolean;
}

export interface UninstallOptions {
  /** The connection to remove; without it the one named by `credentialId` in `getUser()`. */
  selectedCredentialId?: string;
}

/** Where to get user tokens: called when the current one is about to expire. */
export interface TokenSource {
  fetchUserToken: () => string | Promise<string>;
}

/** What the methods reject with. */
export class ConnectPortalError extends Error {
  constructor(code: string, message: string, requestId?: string);
  /** A stable identifier, listed in the SDK's reference. */
  readonly code: string;
  /** The portal's id of the failed request, to quote to its operator. */
  readonly requestId?: string;
}

export interface ConnectPortalApi {
  /** Name the portal's origin. Default: the origin this module was loaded from. */
  configure(options: { baseUrl: string }): void;
  /** Check the token with the portal and load the user. */
  authenticate(projectId: string, userToken: string | TokenSource): Promise<User>;
  /** The user as of the last answer of the portal. A copy, without the token. */
  getUser(): User;
  getIntegrationMetadata(): Promise<IntegrationMetadata[]>;
  getIntegrationMetadata(type: string): Promise<IntegrationMetadata>;
  /** Open the portal; it stays open after success until the user closes it. */
  connect(type: string, options?: ConnectOptions): Promise<InstallEvent>;
  /** Open the portal and close it after success. */
  installIntegration(type: string, options?: InstallOptions): Promise<InstallEvent>;
  uninstallIntegration(type: string, options?: UninstallOptions): Promise<void>;
  /** Open the list of connections. Resolves when the portal is closed. */
  manage(options?: PortalOptions): Promise<void>;
  /** Add a listener. Returns a function that removes it. */
  subscribe(event: EventName, listener: Listener): () => void;
  unsubscribe(event: EventName, listener: Listener): void;
  closePortal(): void;
  /** Close the portal and forget the user and the token. */
  logout(): void;
  getVersion(): string;
}

export const ConnectPortal: ConnectPortalApi;
export default ConnectPortal;

declare global {
  var ConnectPortal: ConnectPortalApi;
}
