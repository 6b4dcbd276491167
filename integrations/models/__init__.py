"""The rows, one module per group. Constraints are in the database."""

from integrations.models.api import IdempotentRequest, TokenRead
from integrations.models.branding import Branding
from integrations.models.clients import ClientVersion, OAuthClient
from integrations.models.connections import Connection, Credential
from integrations.models.events import AuditEvent, AuditHead
from integrations.models.handoffs import HandOff
from integrations.models.keysets import KeySet
from integrations.models.limits import RateCount
from integrations.models.members import Membership
from integrations.models.organizations import OrganizationPolicy
from integrations.models.people import EndUser, Organization
from integrations.models.preflight import ClientCheck, ReportedProblem
from integrations.models.projects import (
    AllowedOrigin,
    ApiKey,
    Integration,
    Project,
    ReturnUrl,
    SigningKey,
)
from integrations.models.refreshes import ProviderHost, RefreshAttempt
from integrations.models.revocations import Revocation
from integrations.models.sessions import (
    AuthorizationRequest,
    Binding,
    Flow,
    PortalSession,
    StartTicket,
    UsedToken,
    VisitTicket,
)
from integrations.models.webhooks import WebhookDelivery, WebhookEndpoint
from integrations.models.work import Duty, Lane, SecretReminder

__all__ = [
    "AllowedOrigin",
    "ApiKey",
    "AuditEvent",
    "AuditHead",
    "AuthorizationRequest",
    "Binding",
    "Branding",
    "ClientCheck",
    "ClientVersion",
    "Connection",
    "Credential",
    "Duty",
    "EndUser",
    "Flow",
    "HandOff",
    "IdempotentRequest",
    "Integration",
    "KeySet",
    "Lane",
    "Membership",
    "OAuthClient",
    "Organization",
    "OrganizationPolicy",
    "PortalSession",
    "Project",
    "ProviderHost",
    "RateCount",
    "RefreshAttempt",
    "ReportedProblem",
    "ReturnUrl",
    "Revocation",
    "SecretReminder",
    "SigningKey",
    "StartTicket",
    "TokenRead",
    "UsedToken",
    "VisitTicket",
    "WebhookDelivery",
    "WebhookEndpoint",
]
