# The image of all Sluice processes: web, worker, sweep and migrations differ in their command only.
FROM python:3.11.13-slim-bookworm AS packages
COPY requirements.txt .
RUN python -m venv /opt/sluice \
    && /opt/sluice/bin/pip install --no-cache-dir --disable-pip-version-check --require-hashes -r requirements.txt

FROM python:3.11.13-slim-bookworm
ENV PATH=/opt/sluice/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    SLUICE_DATA_DIR=/var/lib/sluice
RUN useradd --system --uid 10001 --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin sluice
COPY --from=packages /opt/sluice /opt/sluice
WORKDIR /srv/sluice
COPY manage.py ./
COPY config ./config
COPY assistants ./assistants
COPY integrations ./integrations
COPY dashboard ./dashboard
COPY templates ./templates
COPY static ./static
# Embedded mode needs no secrets from outside; those that it makes for this one command do not stay in the image.
RUN SLUICE_MODE=embedded SLUICE_DATA_DIR=/tmp/build python manage.py collectstatic --no-input \
    && mkdir -p "$SLUICE_DATA_DIR" \
    && mv /tmp/build/static "$SLUICE_DATA_DIR/static" \
    && rm -rf /tmp/build
USER 10001
EXPOSE 8000
CMD ["granian", "--interface", "asgi", "--host", "0.0.0.0", "--port", "8000", "--no-ws", "--log-level", "warning", "config.asgi:application"]
