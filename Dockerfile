FROM python:3.11-slim
ENV PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
WORKDIR /app
COPY requirements.lock ./
RUN pip install --no-cache-dir --require-hashes -r requirements.lock
COPY manage.py pyproject.toml ./
COPY deploy deploy
COPY portal portal
COPY integrations integrations
COPY templates templates
COPY static static
# Collecting static files reads the settings, and no secret of the build may stay in the image.
RUN SECRET_KEY=build FERNET_KEYS=build BASE_URL=https://build.invalid \
    python manage.py collectstatic --noinput \
    && useradd --system --uid 10001 portal \
    && install --directory --owner portal /var/spool/portal
USER portal
EXPOSE 8000
ENV BIND=0.0.0.0:8000 SPOOL_DIR=/var/spool/portal
# The background worker is the same image with: python manage.py db_worker
CMD ["gunicorn", "-c", "deploy/gunicorn.conf.py", "portal.wsgi"]
