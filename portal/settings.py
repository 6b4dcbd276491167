"""Configuration. The only module that reads the environment.

Every variable NAME may instead be given as NAME_FILE, the path of a file that holds the value.
"""

from __future__ import annotations

from ipaddress import ip_address, ip_network
from pathlib import Path
from urllib.parse import urlsplit

import environ
from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured

BASE_DIR = Path(__file__).resolve().parent.parent
env = environ.FileAwareEnv()

# A file usually ends with a line break, which is not part of the value.
SECRET_KEY: str = env("SECRET_KEY").strip()
# Never derived from SECRET_KEY: the two are kept, rotated and backed up differently.
FERNET_KEYS: list[str] = [key.strip() for key in env.list("FERNET_KEYS") if key.strip()]
DEBUG: bool = env.bool("DEBUG", default=False)
BASE_URL: str = env("BASE_URL").strip().rstrip("/")
ALLOWED_HOSTS: list[str] = [host.strip() for host in env.list("ALLOWED_HOSTS", default=[])]
CALLBACK_HOSTS: list[str] = [
    host.strip().lower() for host in env.list("CALLBACK_HOSTS", default=[])
]
ADMIN_HOST: str = env("ADMIN_HOST", default="").strip().lower()
TRUSTED_PROXIES: int = env.int("TRUSTED_PROXIES", default=0)
# Such as "poll=120/60,start=off"; see docs/admin.md for the names.
LIMITS: dict[str, str] = env.dict("LIMITS", default={})
CONNECT_CATALOG_DIRS = tuple(
    Path(folder) for folder in env("CONNECT_CATALOG_DIRS", default="").split(":") if folder
)
# Where the answer to a refresh waits while the database is down.
SPOOL_DIR = Path(env("SPOOL_DIR", default=str(BASE_DIR / "var" / "spool")))
OUTBOUND_ALLOW_CIDRS = tuple(
    ip_network(cidr) for cidr in env.list("OUTBOUND_ALLOW_CIDRS", default=[])
)
PROXY_IDLE_SECONDS: float = env.float("PROXY_IDLE_SECONDS", default=30)
PROXY_MAX_SECONDS: float = env.float("PROXY_MAX_SECONDS", default=600)
PROXY_CALLS: int = env.int("PROXY_CALLS", default=5)
PROXY_CALLS_PER_PROJECT: int = env.int("PROXY_CALLS_PER_PROJECT", default=3)
OUTBOUND_LOOPBACK_HTTP = any(ip_address("127.0.0.1") in net for net in OUTBOUND_ALLOW_CIDRS)


def _checked_base_url(value: str) -> bool:
    """Return whether cookies must be secure. Plain http is for loopback only."""
    parts = urlsplit(value)
    host = parts.hostname or ""
    loopback = host in {"localhost", "127.0.0.1", "::1"} or host.endswith(".localhost")
    if parts.scheme not in {"http", "https"} or not host or parts.query or parts.fragment:
        raise ImproperlyConfigured("BASE_URL must be an absolute URL such as https://connect.x.com")
    if parts.scheme == "http" and not loopback:
        raise ImproperlyConfigured("BASE_URL must be https unless its host is a loopback host")
    if parts.netloc != parts.netloc.lower() or parts.username is not None:
        raise ImproperlyConfigured("BASE_URL must have a lower-case host and no user name")
    if "proxy" in value:
        raise ImproperlyConfigured("BASE_URL must not contain the letters 'proxy'")
    return parts.scheme == "https"


SECURE = _checked_base_url(BASE_URL)
BASE_ORIGIN = f"{urlsplit(BASE_URL).scheme}://{urlsplit(BASE_URL).netloc}"
if not FERNET_KEYS:
    raise ImproperlyConfigured("FERNET_KEYS must hold at least one key")
if DEBUG and SECURE:
    raise ImproperlyConfigured("DEBUG shows secrets on error pages: not with an https BASE_URL")
ALLOWED_HOSTS = [*ALLOWED_HOSTS, urlsplit(BASE_URL).hostname or "", *CALLBACK_HOSTS]
if ADMIN_HOST:
    if ADMIN_HOST in ALLOWED_HOSTS or any(mark in ADMIN_HOST for mark in ":/*"):
        raise ImproperlyConfigured("ADMIN_HOST must be one host name that serves nothing else")
    ALLOWED_HOSTS.append(ADMIN_HOST)

INSTALLED_APPS = [
    "portal.apps.AdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "axes",
    "csp",
    # Before the task queue, so that its worker command can be ours.
    "integrations",
    "django_tasks",
    "django_tasks_db",
]
MIDDLEWARE = [
    "portal.middleware.RequestId",
    "portal.middleware.Headers",
    "django.middleware.security.SecurityMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "portal.middleware.CallbackHosts",
    "portal.middleware.AdminHost",
    "portal.api.cors.Cors",
    "portal.api.fallback.ProblemDocuments",
    "portal.languages.Language",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "axes.middleware.AxesMiddleware",
]
ROOT_URLCONF = "portal.urls"
WSGI_APPLICATION = "portal.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "builtins": ["django.templatetags.i18n"],
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

DATABASES = {
    "default": env.db("DATABASE_URL", default=f"sqlite:///{BASE_DIR / 'var' / 'portal.sqlite3'}")
}
database_options = DATABASES["default"].setdefault("OPTIONS", {})
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    database_options |= {
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
    }
else:
    # Opening a connection for each request costs more than the request. Who waits longer for one
    # than this waits for a server that is away, and an answer in hand must reach the spool.
    database_options["pool"] = {"min_size": 1, "max_size": 10, "timeout": 5}
DATABASES["default"]["ATOMIC_REQUESTS"] = False
# No list of queues: the kinds of work name theirs.
TASKS = {"default": {"BACKEND": "django_tasks_db.DatabaseBackend", "QUEUES": []}}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "django.contrib.auth.backends.ModelBackend",
]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
# Never by name alone: strangers could then lock an administrator out. Names that are tried from
# many addresses are limited by portal.admin_site.
AXES_FAILURE_LIMIT = 5
AXES_COOLOFF_TIME = 1
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False
AXES_RESET_ON_SUCCESS = True
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_SENSITIVE_PARAMETERS = ["username", "ip_address", "csrfmiddlewaretoken"]
AXES_LOCKOUT_CALLABLE = "portal.admin_site.locked"
AXES_ENABLE_ADMIN = False
AXES_VERBOSE = False
AXES_CLIENT_IP_CALLABLE = "portal.middleware.client_network"

LANGUAGE_CODE = "en"
LANGUAGES = [
    ("en", "English"),
    ("de", "Deutsch"),
    ("fr", "Français"),
    ("es", "Español"),
    ("pt-br", "Português (Brasil)"),
    ("ja", "日本語"),
    ("ar", "العربية"),
]
LOCALE_PATHS = [BASE_DIR / "portal" / "locale"]
FORMAT_MODULE_PATH = "portal.formats"
TIME_ZONE = "UTC"
USE_I18N = True
USE_TZ = True

STATIC_URL = "static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.InMemoryStorage"},
    "staticfiles": {"BACKEND": "portal.assets.ImmutableFiles"},
}

SESSION_COOKIE_NAME = "__Host-cp_admin" if SECURE else "cp_admin"
SESSION_COOKIE_SECURE = SECURE
SESSION_COOKIE_SAMESITE = "Strict"
CSRF_COOKIE_NAME = "__Host-csrf" if SECURE else "csrf"
CSRF_COOKIE_SECURE = SECURE
CSRF_COOKIE_SAMESITE = "Strict"
CSRF_FAILURE_VIEW = "portal.pages.errors.forbidden"
SECURE_HSTS_SECONDS = 31_536_000 if SECURE else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE
SECURE_HSTS_PRELOAD = SECURE
SECURE_SSL_REDIRECT = SECURE
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$"]
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if SECURE else None
# "same-origin" rather than "no-referrer": the latter turns the Origin of our own forms into null.
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
    }
}

DATA_UPLOAD_MAX_MEMORY_SIZE = 65_536
DATA_UPLOAD_MAX_NUMBER_FIELDS = 300
DATA_UPLOAD_MAX_NUMBER_FILES = 0
APPEND_SLASH = False

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "{asctime} {levelname} {name} {message}", "style": "{"}},
    "filters": {"no_tickets": {"()": "portal.logs.NoTickets"}},
    "handlers": {
        "console": {
            "class": "logging.StreamHandler",
            "formatter": "line",
            "filters": ["no_tickets"],
        }
    },
    "root": {"handlers": ["console"], "level": "INFO"},
    "loggers": {
        # At DEBUG these print tokens, client secrets and whole request bodies.
        name: {"level": "INFO"}
        for name in ("oauthlib", "requests", "urllib3", "requests_hardened")
    },
}
