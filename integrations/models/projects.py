"""Projects: one vendor application each, its keys, where it may embed, what it offers."""

from __future__ import annotations

import re
import uuid
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils import timezone

from integrations.catalog import custom, registry
from integrations.catalog.schema import Provider
from integrations.errors import CatalogError, NotFound
from integrations.models.fields import SealedModel, SealedTextField

DEFAULT_ACCOUNT = "default"
OWN_CLIENT = "user-configured-oauth"
ACCOUNT_TYPES = (DEFAULT_ACCOUNT, OWN_CLIENT)
API_SCOPES = (
    "connections:read",
    "connections:write",
    "tokens:read",
    "proxy",
    "clients:read",
    "clients:write",
    "sessions:write",
    "events:read",
    "import",
)
ORIGIN = re.compile(
    r"(?P<scheme>https?)://(?P<host>[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?)(:\d{1,5})?"
)
RETURN_PATH = re.compile(r"[A-Za-z0-9._~/%!$&'()*+,;=:@-]*")


def checked_origin(value: str) -> None:
    """Accept an exact origin, scheme://host[:port] (RFC 6454 section 6.1). Raises ValidationError.

    Plain http is for loopback hosts only.
    """
    if not (found := ORIGIN.fullmatch(value)):
        raise ValidationError("Enter an origin such as https://app.example.com, without a path.")
    host = found["host"]
    loopback = host in {"localhost", "127.0.0.1"} or host.endswith(".localhost")
    if found["scheme"] != "https" and not loopback:
        raise ValidationError("An origin is https and names one exact host.")


def checked_return_url(value: str) -> None:
    """Accept a URL the portal may send people back to. Raises ValidationError."""
    parts = urlsplit(value)
    checked_origin(f"{parts.scheme}://{parts.netloc}")
    if parts.fragment or parts.query or not RETURN_PATH.fullmatch(parts.path):
        raise ValidationError("A return URL has no query and no fragment.")


def default_account_types() -> list[str]:
    """Offer both account types."""
    return list(ACCOUNT_TYPES)


def every_scope() -> list[str]:
    """Permit an API key everything."""
    return list(API_SCOPES)


def own_provider(data: dict[str, Any]) -> Provider:
    """Return the provider that a row holds. Raises NotFound if it does not pass any more."""
    try:
        return custom.provider(data, loopback_http=settings.OUTBOUND_LOOPBACK_HTTP)
    except CatalogError:
        raise NotFound("integration_not_found") from None


class Project(SealedModel):
    """One vendor application.

    `tokens_stopped` is the kill switch: no hand-out, no proxied call, no refresh. A key that reads
    tokens of `read_alert_limit` connections within five minutes is reported, and frozen if
    `read_alert_freezes`.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=80)
    is_active = models.BooleanField(default=True)
    # A user token then opens one visit only, and must carry a `jti` (RFC 7519 section 4.1.7).
    require_jti = models.BooleanField("each user token opens one visit", default=False)
    tokens_stopped = models.BooleanField(
        default=False,
        help_text="Emergency: no token is handed out, used for a call or refreshed.",
    )
    read_alert_limit = models.PositiveIntegerField(
        "alert at",
        default=1000,
        validators=[MinValueValidator(1)],
        help_text="Connections whose tokens one API key uses within five minutes.",
    )
    read_alert_freezes = models.BooleanField(
        "alert freezes the key",
        default=False,
        help_text="The key is refused from then on, until somebody lets it work again here.",
    )
    # For each API key. None follows the portal's own figures.
    api_calls_per_minute = models.PositiveIntegerField(
        "API calls per minute",
        null=True,
        blank=True,
        validators=[MinValueValidator(1)],
        help_text="For each API key. Left empty, the portal's own limit holds.",
    )
    audit_key = SealedTextField(editable=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = (
            models.CheckConstraint(
                condition=Q(read_alert_limit__gte=1), name="project_read_alert_limit_positive"
            ),
        )

    def __str__(self) -> str:
        return self.name

    def seal_context(self) -> dict[str, Any]:
        """Name the project itself."""
        return {"r": str(self.pk), "p": str(self.pk), "g": 0}


class SigningKey(models.Model):
    """A public key that verifies the user tokens the vendor's backend signs."""

    class Algorithm(models.TextChoices):
        RS256 = "RS256"
        ES256 = "ES256"
        EDDSA = "EdDSA"

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="signing_keys")
    kid = models.CharField("key id", max_length=64)
    alg = models.CharField("algorithm", max_length=8, choices=Algorithm.choices)
    public_key = models.TextField("public key (PEM)")
    from_key_set = models.BooleanField(default=False, editable=False)
    # Revoked because the set no longer lists it, so it may come back with the set.
    unlisted = models.BooleanField(default=False, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["project", "kid"], name="signing_key_unique_kid"),
        )

    def __str__(self) -> str:
        return f"{self.kid} ({self.alg})"

    @property
    def is_live(self) -> bool:
        """Whether it still vouches for anybody."""
        return self.revoked_at is None


class ApiKey(models.Model):
    """A key of the vendor's backend. Only its digest is kept.

    `allowed_addresses` are networks such as 192.0.2.0/24; an empty list means every address.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="api_keys")
    name = models.CharField(max_length=80)
    prefix = models.CharField(max_length=12, editable=False)
    key_hash = models.CharField(max_length=64, unique=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    last_used_at = models.DateTimeField(null=True, editable=False)
    revoked_at = models.DateTimeField(null=True, blank=True)
    scopes = models.JSONField(default=every_scope)
    expires_at = models.DateTimeField(null=True, blank=True)
    allowed_addresses = models.JSONField(default=list, blank=True)
    alerted_at = models.DateTimeField(null=True, editable=False)
    frozen_at = models.DateTimeField(null=True, editable=False)

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"

    @property
    def is_live(self) -> bool:
        """Whether it still vouches for anybody: what it opened ends with it."""
        over = self.expires_at is not None and self.expires_at <= timezone.now()
        return self.revoked_at is None and self.frozen_at is None and not over


class AllowedOrigin(models.Model):
    """An origin whose pages may embed the portal and call the user API."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="allowed_origins")
    origin = models.CharField(max_length=255, validators=[checked_origin])

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["project", "origin"], name="allowed_origin_unique"),
        )

    def __str__(self) -> str:
        return self.origin


class ReturnUrl(models.Model):
    """A URL a full-page visit may end at, compared as a whole."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="return_urls")
    url = models.CharField("URL", max_length=500, validators=[checked_return_url])

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["project", "url"], name="return_url_unique"),
        )

    def __str__(self) -> str:
        return self.url


class Integration(models.Model):
    """A provider switched on in a project, with the project's policy for it."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="integrations")
    provider_slug = models.SlugField("provider", max_length=63)
    # A provider of the project's own, in the catalog's schema; None for one of the catalog.
    custom_provider = models.JSONField(null=True, default=None, editable=False)
    slug = models.SlugField(max_length=63, blank=True)
    is_active = models.BooleanField("active", default=True)
    account_types = models.JSONField(default=default_account_types)
    # None follows the catalog; an empty list means none.
    default_scopes = models.JSONField(null=True, default=None, blank=True)
    required_scopes = models.JSONField(default=list, blank=True)
    allowed_scopes = models.JSONField(default=list, blank=True)
    custom_scopes_allowed = models.BooleanField(default=True)
    description = models.CharField(max_length=200, blank=True)
    # None means that nothing is proxied: each call that may be made is named.
    proxy_rules = models.JSONField(null=True, default=None, blank=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["project", "slug"], name="integration_unique_slug"),
            models.CheckConstraint(
                condition=~Q(slug="") & ~Q(slug__contains="proxy"), name="integration_slug_usable"
            ),
            models.CheckConstraint(
                condition=Q(provider_slug=custom.SLUG, custom_provider__isnull=False)
                | (~Q(provider_slug=custom.SLUG) & Q(custom_provider__isnull=True)),
                name="integration_custom_has_provider",
            ),
        )

    def __str__(self) -> str:
        return f"{self.slug} ({self.project})"

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Take the provider's slug unless another was given."""
        self.slug = self.slug or self.provider_slug
        super().save(*args, **kwargs)

    @property
    def provider(self) -> Provider:
        """The catalog entry, or the project's own. Raises NotFound if its file is gone."""
        if self.custom_provider is None:
            return registry.provider(self.provider_slug)
        return own_provider(self.custom_provider)

    @property
    def is_known(self) -> bool:
        """Whether there is a provider: a file can be taken away."""
        try:
            return bool(self.provider)
        except NotFound:
            return False
