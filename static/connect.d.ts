/** Types of the Connect Portal browser SDK (connect.js). */

export type AccountTypeId = "default" | "user-configured-oauth" | (string & {});

export type CredentialStatus = "VALID" | "PENDING" | "INVALID";

/** Every code that the SDK or the portal gives; `http_<status>` comes from what stands before it. */
export type ErrorCode =
  | "aborted"
  | "access_denied"
  | "account_host_mismatch"
  | "account_mismatch"
  | "account_type_not_allowed"
  | "account_type_unknown"
  | "address_not_allowed"
  | "admin_locked"
  | "already_installed"
  | "answer_malformed"
  | "bad_request"
  | "blocked_by_csp"
  | "body_too_large"
  | "callback_forged"
  | "cancelled"
  | "client_is_draft"
  | "client_not_found"
  | "client_not_usable"
  | "client_rejected"
  | "code_refused"
  | "confirmation_not_expected"
  | "confirmation_refused"
  | "confirmation_timeout"
  | "connection_disconnected"
  | "connection_not_found"
  | "consent_timeout"
  | "default_app_required"
  | "external_id_taken"
  | "flow_closed"
  | "flow_not_found"
  | "forbidden"
  | "headless_off"
  | "idempotency_key_in_use"
  | "idempotency_key_reused"
  | "identity_unavailable"
  | "insufficient_scope"
  | "integration_not_found"
  | "integrity_error"
  | "internal_error"
  | "interrupted"
  | "invalid_argument"
  | "invalid_client"
  | "invalid_scope"
  | "issuer_mismatch"
  | "issuer_missing"
  | "key_frozen"
  | "key_set_unavailable"
  | "key_set_unusable"
  | "link_ended"
  | "method_not_allowed"
  | "mixup_blocked"
  | "needs_reauth"
  | "no_active_flow"
  | "no_options"
  | "not_authenticated"
  | "not_found"
  | "not_installed"
  | "options_missing"
  | "options_too_often"
  | "options_unavailable"
  | "org_admin_required"
  | "organization_has_client"
  | "origin_not_allowed"
  | "own_app_required"
  | "popup_blocked"
  | "popup_closed"
  | "portal_already_open"
  | "portal_unreachable"
  | "project_not_found"
  | "provider_address_refused"
  | "provider_bad_response"
  | "provider_busy"
  | "provider_error"
  | "provider_redirect"
  | "provider_timeout"
  | "provider_unreachable"
  | "proxy_address_unknown"
  | "proxy_body_incomplete"
  | "proxy_busy"
  | "proxy_length_required"
  | "proxy_not_allowed"
  | "proxy_off"
  | "proxy_path_invalid"
  | "proxy_request_invalid"
  | "proxy_unsupported"
  | "rate_limited"
  | "redirect_uri_mismatch"
  | "redirect_url_not_allowed"
  | "refresh_in_progress"
  | "return_url_not_allowed"
  | "rotation_lost"
  | "scope_not_allowed"
  | "session_binding_failed"
  | "session_expired"
  | "session_invalid"
  | "settings_changed"
  | "start_refused"
  | "start_ticket_ended"
  | "state_unknown"
  | "superseded"
  | "ticket_invalid"
  | "token_fetch_failed"
  | "tokens_stopped"
  | "unauthorized"
  | "unsupported_media_type"
  | "user_token_expired"
  | "user_token_invalid"
  | "user_token_not_yet_valid"
  | "user_token_used"
  | "validation_failed"
  | "vendor_client_missing"
  | "visit_replaced";

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
  /**
   * Where the portal appears. `window`: a window of its own, or the dialog if the browser keeps it
   * shut. `redirect`: this tab; the person comes back to `returnUrl`, where `resume()` has the result.
   * Default: a modal dialog, or inside `container` if there is one.
   */
  display?: "modal" | "inline" | "window" | "redirect";
  /** Puts the portal inside this element, whose height follows the page shown. */
  container?: HTMLElement;
  /** Where people come back to who left your page. Must be a return URL of the project. */
  returnUrl?: string;
  /** Called if `onInstall` is absent. */
  onSuccess?: Listener<InstallEvent>;
  onInstall?: Listener<InstallEvent>;
  onUninstall?: Listener;
  onOpen?: Listener;
  onClose?: Listener;
  /** Gets what the promise rejects with, `cancelled` and `aborted` included. */
  onError?: (error: ConnectPortalError) => void;
}

/** What to connect, and how. */
export interface Wish {
  /** One id selects that type; several give a picker in this order. */
  accountType?: AccountTypeId | AccountTypeId[];
  /** The connection to reconnect: its id, its external id, or `ext:<external id>`. */
  selectedCredentialId?: string;
  /** Your own label for a new connection, unique within the integration. */
  externalId?: string;
  /** Allows a further connection to an integration that has a VALID one. */
  allowMultipleCredentials?: boolean;
  /**
   * A redirect URL of this portal. Every app has one of its own for good, so this chooses none:
   * anything else is refused, as `redirect_url_not_allowed`.
   */
  overrideRedirectUrl?: string;
}

export interface ConnectOptions extends PortalOptions, Wish {
  /** Leaves what has to be chosen after the approval for later: resolves with a PENDING credential. */
  bypassPostOAuthPrompt?: boolean;
}

export interface InstallOptions extends ConnectOptions {
  /** Leaves the portal open on its last page after the install. Not with `bypassPostOAuthPrompt`. */
  showPortalAfterInstall?: boolean;
}

interface InputBase {
  /** The key of its value in `setPreOptions` and `setPostOptions`. */
  name: string;
  title: string;
  help: string;
  required: boolean;
}

export interface TextInput extends InputBase {
  type: "text";
  value: string;
  placeholder: string;
  /** Stand around the value and are not part of it. */
  prefix: string;
  suffix: string;
}

export interface PasswordInput extends InputBase {
  type: "password";
  /** A secret is stored, and is kept if none is given. It is never sent back. */
  saved: boolean;
}

/** A value to show with a copy button, such as the redirect URL. */
export interface CopyableInput extends InputBase {
  type: "copyable";
  value: string;
  readOnly: true;
}

export interface SelectInput extends InputBase {
  type: "select";
  value: string;
  options: { value: string; label: string }[];
  /** A value that is not listed is taken too. */
  otherValues: boolean;
}

export interface PermissionInput extends InputBase {
  type: "permission";
  value: string[];
  /** These are asked for in any case. */
  requiredScopes: string[];
  scopes: {
    name: string;
    description: string;
    selected: boolean;
    required: boolean;
    sensitive: boolean;
    adminConsent: boolean;
  }[];
  otherValues: boolean;
}

export interface SwitchInput extends InputBase {
  type: "switch";
  value: boolean;
}

export type Input =
  | TextInput
  | PasswordInput
  | CopyableInput
  | SelectInput
  | PermissionInput
  | SwitchInput;

/** Let the person choose, then call `setAccountType(id)`. */
export interface AccountTypeStage {
  stage: "accountType";
  options: { id: AccountTypeId; accountDescription: string }[];
  done: false;
}

export type Cta =
  | { type: "link"; label: string; href: string }
  | { type: "copyButton"; label: string; copyText: string };

/** What to do at the provider first. Only with `instructions: true`; `finish.onClick()` goes on. */
export interface InstructionStage {
  stage: "instruction";
  /** Numbered steps in Markdown. */
  content: string;
  minutes: number;
  role: string;
  ctas: Cta[];
  finish: { type: "finishButton"; label: string; onClick: () => void };
  done: false;
}

/** The form of the person's own app, then call `setPreOptions(values)` in the click. */
export interface PreOptionsStage {
  stage: "preOptions";
  options: Input[];
  redirectUrl: string | null;
  /** What was tidied up, such as spaces around a value. */
  notices: FieldProblem[];
  done: false;
}

/** The provider's window is open, unless `onError` says otherwise. */
export interface OAuthStage {
  stage: "oauth";
  /** Open the window (again). Call it in a click. */
  open: () => Promise<void>;
  done: false;
}

/** What is left to choose after the approval, then call `setPostOptions(values)`. */
export interface PostOptionsStage {
  stage: "postOptions";
  options: Input[];
  redirectUrl: string | null;
  notices: FieldProblem[];
  done: false;
}

export interface DoneStage {
  stage: "done";
  done: true;
}

export type Stage =
  | AccountTypeStage
  | InstructionStage
  | PreOptionsStage
  | OAuthStage
  | PostOptionsStage
  | DoneStage;

export interface InstallFlowOptions extends Wish {
  onNext?: (stage: Stage) => void;
  onComplete?: (event: InstallEvent) => void;
  /**
   * With a stage: something is wrong there and the flow goes on, with `onNext` if the stage changes.
   * Without: the flow is over, and `start()` rejects with the same error.
   */
  onError?: (error: ConnectPortalError, at?: { stage: Stage["stage"] }) => void;
  /** Milliseconds the provider's window may take. Default: the portal's ten minutes. */
  oauthTimeout?: number;
  /** Emit an InstructionStage before the form of the person's own app. */
  instructions?: boolean;
  /** Cancels the flow and rejects with `aborted`. */
  signal?: AbortSignal;
  returnUrl?: string;
}

/** An install that your own pages draw. Each step resolves when the portal took it. */
export interface InstallFlow {
  /** Begin. Resolves when the account is connected. Call it in a click. */
  start(type: string, options?: InstallFlowOptions): Promise<InstallEvent>;
  setAccountType(id: AccountTypeId): Promise<void>;
  /** Save the person's own app, by input name; `scopes` may be a list or one string. */
  setPreOptions(values: Record<string, unknown>): Promise<void>;
  /** Save the choice. At the stage preOptions, the same as `setPreOptions`. */
  setPostOptions(values: Record<string, unknown> | string): Promise<void>;
  /** End the flow. What is connected stays connected. */
  cancel(): Promise<void>;
}

export interface UninstallOptions {
  /** The connection to remove; without it the one named by `credentialId` in `getUser()`. */
  selectedCredentialId?: string;
}

/** Where to get user tokens: called when the current one is about to expire. */
export interface TokenSource {
  fetchUserToken: () => string | Promise<string>;
}

/** What is wrong with one field of a form. */
export interface FieldProblem {
  /** The input's name. */
  field: string;
  code: string;
  /** For the person: the next step. Never repeats a value. */
  message: string;
}

/** What the methods reject with. */
export class ConnectPortalError extends Error {
  constructor(code: string, message: string, more?: object);
  /** A stable identifier, listed in the SDK's reference. `message` is for developers. */
  readonly code: ErrorCode | (string & {});
  /** For the person who uses your page: what happened and what to do. */
  readonly displayMessage: string;
  /** What is wrong with what was typed, by input. */
  readonly errors: FieldProblem[];
  /** The HTTP status of the portal's refusal. */
  readonly status?: number;
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
  /**
   * The result of the install for which this tab was left: null if there was none. Rejects if no
   * account was connected. Events and the result come once, after `authenticate`.
   */
  resume(): Promise<InstallEvent | null>;
  /** Switch `installFlow` on or off. Resolves when it is loaded. */
  setHeadless(on: boolean): Promise<void>;
  installFlow: InstallFlow;
  /** Add a listener. Returns a function that removes it. */
  subscribe(event: EventName, listener: Listener): () => void;
  unsubscribe(event: EventName, listener: Listener): void;
  closePortal(): void;
  /** Forget the user and the token, close the portal, and end all open visits of the user. */
  logout(): Promise<void>;
  getVersion(): string;
}

export const ConnectPortal: ConnectPortalApi;
export default ConnectPortal;

declare global {
  var ConnectPortal: ConnectPortalApi;
}
