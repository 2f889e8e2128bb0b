# The service in an image: `docker build -t funit .` (docs/deployment.md).

# Debian and Python are those that the tests run on.
ARG PYTHON=3.11
ARG NODE=22

# The web editor, where its source is there.
FROM node:${NODE}-bookworm-slim AS web
COPY . /funit
WORKDIR /funit/web
RUN if [ -f package.json ]; then npm ci && npm run build; fi \
    && mkdir -p /funit/src/funit/service/static

FROM python:${PYTHON}-slim-bookworm AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
RUN python -m venv /opt/funit
ENV PATH=/opt/funit/bin:$PATH
WORKDIR /funit
# PyTorch is by far the largest: its layer stays while the code changes. This index has it for
# processors alone; another one has it for a GPU.
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu
COPY constraints.txt .
RUN pip install -c constraints.txt --index-url "${TORCH_INDEX}" torch
# `evaluate` and `plots`: jobs judge what they trained, and images are classified.
ARG EXTRAS=serve,onnx,openvino,evaluate,plots
# More packages, e.g. s3fs for a storage at s3://.
ARG PACKAGES=
COPY pyproject.toml README.md LICENSE NOTICE ./
COPY src src
COPY --from=web /funit/src/funit/service/static src/funit/service/static
# hadolint ignore=DL3013,SC2086 # versions: constraints.txt, pyproject.toml; PACKAGES are words
RUN pip install -c constraints.txt ".[${EXTRAS}]" ${PACKAGES}

FROM python:${PYTHON}-slim-bookworm
RUN groupadd --gid 10001 funit \
    && useradd --uid 10001 --gid funit --home-dir /var/lib/funit --create-home funit
COPY --from=build /opt/funit /opt/funit
# Nothing is written but in FUNIT_HOME and TMPDIR: the rest of the image may be read-only.
ENV PATH=/opt/funit/bin:$PATH \
    HOME=/var/lib/funit \
    FUNIT_HOME=/var/lib/funit \
    TMPDIR=/tmp \
    PYTHONDONTWRITEBYTECODE=1
VOLUME /var/lib/funit
WORKDIR /var/lib/funit
USER 10001:10001
EXPOSE 8000
# What does jobs alone (`funit jobs run`) serves nothing: run it with --no-healthcheck.
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s CMD [ \
    "python", "-c", \
    "import urllib.request as r; r.urlopen('http://127.0.0.1:8000/healthz', timeout=4)"]
ENTRYPOINT ["funit"]
CMD ["serve", "--host", "0.0.0.0", "--port", "8000"]
