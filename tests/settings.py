"""The project's settings, with an environment of the tests' own."""

import os
import tempfile
from pathlib import Path

# In memory where the system has such a folder: a test need not survive a power cut.
_memory = Path("/dev/shm")
_folder = _memory if os.access(_memory, os.W_OK) else Path(tempfile.gettempdir())
_database = _folder / f"connect-portal-{os.getpid()}.sqlite3"
os.environ.setdefault("SECRET_KEY", "tests-only-secret-key-that-is-long-enough-for-the-checks")
os.environ.setdefault("FERNET_KEYS", "tests-only-key-that-is-long-enough-0123456789")
os.environ.setdefault("BASE_URL", "http://localhost:8000")
os.environ.setdefault("OUTBOUND_ALLOW_CIDRS", "127.0.0.0/8")
os.environ.setdefault("SPOOL_DIR", tempfile.mkdtemp(prefix="connect-portal-spool-"))
os.environ.setdefault("DATABASE_URL", f"sqlite:///{_database}")

from portal.settings import *  # noqa: E402, F403
from portal.settings import DATABASES, STORAGES  # noqa: E402

ALLOWED_HOSTS = ["localhost", "testserver"]
# Each test client would list all static files at its first request.
WHITENOISE_AUTOREFRESH = True
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
STORAGES["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
if "sqlite" in DATABASES["default"]["ENGINE"]:
    # A file, because threads of a test share no in-memory database.
    DATABASES["default"]["TEST"] = {"NAME": f"{_database}.test"}
else:
    # The pool outlives the test database and would keep it from being dropped.
    DATABASES["default"]["OPTIONS"].pop("pool")
