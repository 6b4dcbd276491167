# `make demo` and `make test` need Python 3.11 or newer and nothing else.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
PY := .venv/bin/python
DEMO := var/demo
DEMO_ENV = SECRET_KEY_FILE=$(DEMO)/secret_key FERNET_KEYS_FILE=$(DEMO)/fernet_keys \
	BASE_URL=http://localhost:8000 DATABASE_URL=sqlite:///$(CURDIR)/$(DEMO)/portal.sqlite3 \
	OUTBOUND_ALLOW_CIDRS=127.0.0.0/8 CONNECT_CATALOG_DIRS=tests/fakeas/catalog

.PHONY: demo token test soak lint check browser lock clean

demo: .venv/.installed $(DEMO)/fernet_keys
	@$(DEMO_ENV) $(PY) manage.py demo

token:
	@$(DEMO_ENV) $(PY) manage.py user_token "Acme CRM" me --name Me --key $(DEMO)/signing-key.pem

test: .venv/.installed-dev
	$(PY) -m tests.run

soak: .venv/.installed-dev
	$(PY) -m tests.run --soak
	$(PY) -m tests.soak
	$(PY) -m tests.attacks.disarm

lint: .venv/.installed-dev
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	find templates -name '*.html' -print0 | xargs -0 .venv/bin/djade --target-version 5.2 --check
	.venv/bin/lint-imports --no-logo
	.venv/bin/deptry .
	.venv/bin/mypy

lock:
	$(PY) -m pip install -q uv
	.venv/bin/uv pip compile -q --generate-hashes --python-version 3.11 --no-emit-index-url \
	  --custom-compile-command "make lock" pyproject.toml -o requirements.lock
	.venv/bin/uv pip compile -q --generate-hashes --python-version 3.11 --no-emit-index-url \
	  --custom-compile-command "make lock" --group dev pyproject.toml -o requirements-dev.lock

clean:
	rm -rf .venv var staticfiles test-artifacts

.venv/bin/python:
	$(PYTHON) -m venv .venv

.venv/.installed: requirements.lock | .venv/bin/python
	$(PY) -m pip install -q --disable-pip-version-check --require-hashes -r requirements.lock
	touch $@

.venv/.installed-dev: requirements-dev.lock | .venv/bin/python
	$(PY) -m pip install -q --disable-pip-version-check --require-hashes -r requirements-dev.lock
	touch $@ .venv/.installed

$(DEMO)/fernet_keys: | .venv/bin/python
	@mkdir -p $(DEMO)
	@umask 077; $(PY) -c "import secrets; print(secrets.token_urlsafe(48), end='')" > $(DEMO)/secret_key
	@umask 077; $(PY) -c "import secrets; print(secrets.token_urlsafe(48), end='')" > $(DEMO)/fernet_keys
