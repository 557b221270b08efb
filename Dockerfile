# One image for web, worker, beat and migrate: docker/entrypoint chooses.
ARG PYTHON=3.13

FROM python:${PYTHON}-slim-trixie AS packages
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
COPY requirements/base.txt /tmp/requirements.txt
RUN python -m venv /opt/venv \
 && /opt/venv/bin/pip install --require-hashes --no-deps -r /tmp/requirements.txt

FROM python:${PYTHON}-slim-trixie
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    STATIC_ROOT=/srv/static
RUN useradd --system --uid 10001 --no-create-home postventa
COPY --from=packages /opt/venv /opt/venv
WORKDIR /srv/postventa
COPY . .
# Names with a fingerprint, compressed once: the web process serves them itself. What no page of ours uses stays out.
RUN python manage.py collectstatic --noinput --ignore redoc --ignore rest_framework
USER 10001
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=20s CMD ["docker/healthcheck"]
ENTRYPOINT ["docker/entrypoint"]
CMD ["web"]
