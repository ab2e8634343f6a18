# One image for all: `serve` (the default), `worker`, `prepare` and every other command of manage.py.
#
#   docker build --tag aragora .
#   docker run --rm --publish 127.0.0.1:8080:8080 --volume aragora:/data aragora serve --prepare

FROM python:3.11-slim-trixie AS build
ENV PYTHONDONTWRITEBYTECODE=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
WORKDIR /app
COPY requirements.txt ./
# Every package with the hash that it was tested with.
RUN python -m venv /venv && /venv/bin/pip install --require-hashes --requirement requirements.txt
COPY manage.py ./
COPY aragora_site aragora_site
COPY debates debates
COPY memory memory
COPY monitoring monitoring
COPY ratelimit ratelimit
COPY static static
COPY templates templates
RUN /venv/bin/python -m compileall -q /app

FROM python:3.11-slim-trixie
# The client is for `manage.py backup` and `restore`; it is as new as the servers that it can read.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends postgresql-client \
    && rm -rf /var/lib/apt/lists/* \
    && groupadd --gid 10001 aragora \
    && useradd --uid 10001 --gid 10001 --home-dir /data --no-log-init aragora \
    && install --directory --owner=aragora --group=aragora --mode=700 /data
COPY --from=build /venv /venv
COPY --from=build /app /app
WORKDIR /app
ENV PATH=/venv/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    ARAGORA_HOST=0.0.0.0 \
    ARAGORA_PORT=8080 \
    ARAGORA_DATA_DIR=/data
USER 10001:10001
VOLUME /data
EXPOSE 8080 9464
# For `serve`; elsewhere it is turned off or replaced. It asks for the process, not for its database.
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as r; r.urlopen('http://127.0.0.1:' + os.environ['ARAGORA_PORT'] + '/livez', timeout=4)"]
# SIGTERM ends it cleanly, and no shell stands in between.
ENTRYPOINT ["python", "manage.py"]
CMD ["serve"]
