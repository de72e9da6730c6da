# Two stages: the first installs by hash into a virtual environment, the second has that and nothing to build with.
FROM python:3.13-slim AS build
# Of SciPy the losses need special functions and the assignment problem; computing every loss's example, below, fails where they need more.
# hadolint ignore=DL3008
RUN apt-get update && apt-get install -y --no-install-recommends binutils && rm -rf /var/lib/apt/lists/*
ARG REQUIREMENTS=requirements/serve.txt
WORKDIR /app
COPY ${REQUIREMENTS} requirements.txt
RUN python -m venv /app/venv \
 && /app/venv/bin/pip install --no-cache-dir --no-compile --disable-pip-version-check --require-hashes -r requirements.txt \
 && /app/venv/bin/pip uninstall --yes --quiet pip \
 && find /app/venv -type d \( -name tests -o -name test -o -name __pycache__ \) -prune -exec rm -rf {} + \
 && find /app/venv \( -name '*.pyi' -o -name '*.pyx' -o -name '*.pxd' -o -name '*.c' -o -name '*.cpp' -o -name '*.h' -o -name '*.a' \) -delete \
 && find /app/venv \( -path '*/uvloop/*.so' -o -name 'csimdjson*.so' \) -exec strip --strip-unneeded {} + \
 && find /app/venv/lib/python3*/site-packages/scipy -mindepth 1 -maxdepth 1 -regextype egrep \
    -regex '.*/(cluster|datasets|differentiate|fftpack|integrate|interpolate|io|misc|ndimage|odr|signal|stats)' -exec rm -rf {} +
COPY service service
# compiled once here, as the file system is read-only at run time
RUN /app/venv/bin/python -m compileall -q /app/venv/lib service \
 && /app/venv/bin/python -c 'from service.api.catalogue import cards; cards()'

FROM python:3.13-slim
ARG REVISION=unknown
LABEL org.opencontainers.image.title="loss-service" \
      org.opencontainers.image.version="0.2.0" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.description="Loss functions with gradients over HTTP" \
      org.opencontainers.image.licenses="Apache-2.0"
ENV PATH=/app/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 HOST=0.0.0.0 PORT=8000
WORKDIR /app
COPY --from=build /app /app
# the base image comes without the standard library's bytecode: what the service and the health check import is compiled here, not at each start
RUN env -u PYTHONDONTWRITEBYTECODE python -c 'import urllib.request, service.cli, service.server.lifecycle'
USER 10001:0
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=3s --start-period=5s \
  CMD ["python", "-c", "import os, urllib.request; urllib.request.urlopen(f'http://127.0.0.1:{os.environ[\"PORT\"]}/health/ready', timeout=2)"]
STOPSIGNAL SIGTERM
CMD ["python", "-m", "service"]
