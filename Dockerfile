# One recipe for the three services: docker build --build-arg SERVICE=auth .
# The same image runs the one-shots of docker-compose.yml (init, databases, migrations, seeds): they are in deploy/.
ARG PYTHON_IMAGE=python:3.13-slim

# ---------------------------------------------------------------- what is installed: by hash, from wheels alone
FROM ${PYTHON_IMAGE} AS dependencies
COPY requirements/runtime.txt /tmp/runtime.txt
RUN python -m venv --without-pip /opt/venv \
    && pip --python /opt/venv/bin/python install --no-cache-dir --disable-pip-version-check --root-user-action=ignore \
        --only-binary :all: --require-hashes -r /tmp/runtime.txt

# ---------------------------------------------------------------- what runs
FROM ${PYTHON_IMAGE}
# a volume takes the owner of the directory that it is first mounted on: init writes to these without being root
RUN groupadd --system --gid 10001 suite \
    && useradd --system --uid 10001 --gid suite --no-create-home --home-dir /nonexistent suite \
    && install -d -o suite -g suite -m 0750 /data /secrets \
    && for volume in ca-key ca proxy postgres valkey auth auth-database auth-owner crm crm-owner orders orders-owner \
        orders-client; do \
        install -d -o suite -g suite -m 0750 "/secrets/$volume"; done
COPY --from=dependencies /opt/venv /opt/venv
ENV PATH=/opt/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
WORKDIR /app

ARG SERVICE
RUN test -n "$SERVICE" || { echo "say which service: --build-arg SERVICE=auth|crm|orders" >&2; exit 1; }
# readable whatever the umask of the clone was
COPY --chmod=755 alembic.ini ./
COPY --chmod=755 migrations/env.py migrations/script.py.mako migrations/
COPY --chmod=755 migrations/${SERVICE} migrations/${SERVICE}
COPY --chmod=755 shared shared
COPY --chmod=755 deploy deploy
COPY --chmod=755 services/__init__.py services/__init__.py
COPY --chmod=755 services/${SERVICE} services/${SERVICE}
# compiled here: the file system is read-only where it runs
RUN python -m compileall -q .

ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="company-sso-${SERVICE}" \
      org.opencontainers.image.description="Single sign-on suite: ${SERVICE}" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.base.name="${PYTHON_IMAGE}"
ENV SERVICE=${SERVICE} DATA_DIR=/data
USER 10001:10001
# exec: the service itself gets SIGTERM
CMD ["sh", "-c", "exec python -m services.$SERVICE serve"]
