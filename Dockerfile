# One recipe for the three services: docker build --build-arg SERVICE=auth .
ARG PYTHON=3.13

FROM python:${PYTHON}-slim AS dependencies
COPY requirements/runtime.txt /tmp/runtime.txt
RUN python -m venv /opt/venv \
    && /opt/venv/bin/pip install --no-cache-dir --disable-pip-version-check --require-hashes -r /tmp/runtime.txt

FROM python:${PYTHON}-slim
ARG SERVICE
RUN test -n "$SERVICE" || { echo "say which service: --build-arg SERVICE=auth|crm|orders" >&2; exit 1; }
RUN useradd --system --uid 10001 --no-create-home --home-dir /nonexistent suite \
    && install -d -o suite -g suite /data
COPY --from=dependencies /opt/venv /opt/venv
WORKDIR /app
COPY alembic.ini ./
COPY migrations/env.py migrations/script.py.mako migrations/
COPY migrations/${SERVICE} migrations/${SERVICE}
COPY config config
COPY shared shared
COPY services/__init__.py services/__init__.py
COPY services/${SERVICE} services/${SERVICE}
ENV PATH=/opt/venv/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 \
    SERVICE=${SERVICE} DATA_DIR=/data
USER suite
VOLUME /data
# exec: the service itself gets SIGTERM
CMD ["sh", "-c", "exec python -m services.$SERVICE serve"]
