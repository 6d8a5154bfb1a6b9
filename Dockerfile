# All dependencies are locked by hash; the kernels are compiled and the sample region is imported at build time.
# Any glibc image with Python 3.11 or newer can be the base: docker build --build-arg BASE=…
ARG BASE=python:3.13-slim

FROM ${BASE} AS build
SHELL ["/bin/sh", "-euc"]
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /src

# Two environments: one to build the wheel, which is discarded, and one to run it, without pip.
COPY requirements/build.txt requirements/runtime.txt requirements/assets.txt requirements/
RUN python3 -m venv /opt/build; \
    python3 -m venv --without-pip /opt/carpool; \
    /opt/build/bin/pip install --require-hashes --only-binary=:all: -r requirements/build.txt; \
    /opt/build/bin/pip --python /opt/carpool/bin/python install --require-hashes --only-binary=:all: -r requirements/runtime.txt; \
    /opt/build/bin/pip install --no-deps --require-hashes --only-binary=:all: --target /opt/build/share/carpool/assets \
        -r requirements/assets.txt

COPY pyproject.toml LICENSE NOTICE README.md ./
COPY api api
COPY matcher matcher
COPY sql sql
COPY scripts/bundle_assets.py scripts/
RUN /opt/build/bin/pip wheel --no-deps --no-build-isolation --wheel-dir /opt/wheel .; \
    /opt/build/bin/pip --python /opt/carpool/bin/python install --no-deps --no-index /opt/wheel/*.whl

# numba caches a kernel for the exact CPU it was compiled for. With "generic" the image starts warm on any machine of its
# architecture, and sweeps are about a fifth slower. NUMBA_CPU_NAME= (empty) at run time compiles for the actual CPU
# instead, once, at the first start.
ARG CPU=generic
ENV NUMBA_CPU_NAME=${CPU} \
    NUMBA_CACHE_DIR=/opt/carpool/kernels \
    CARPOOL_DATA_DIR=/var/lib/carpool
RUN /opt/carpool/bin/carpool warm; \
    /opt/carpool/bin/carpool region add "$(/opt/carpool/bin/python -c 'import matcher; print(matcher.__path__[0])')/roads/sample/coquimbo.osm.pbf" --name coquimbo


FROM ${BASE}
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="carpool-matcher" \
      org.opencontainers.image.description="Matches riders with drivers' offers, exactly, on the real road network" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.licenses="Apache-2.0 AND ODbL-1.0"

# PostgreSQL refuses to start under a uid without an entry in the user table.
RUN groupadd --gid 10001 carpool \
    && useradd --uid 10001 --gid 10001 --no-log-init --no-create-home --home-dir /var/lib/carpool --shell /usr/sbin/nologin carpool

# Owned by the service user, so that kernels compiled later are kept; with a read-only root, a copy in /tmp is used. The
# code is owned by root.
COPY --from=build /opt/carpool /opt/carpool
COPY --from=build --chown=10001:10001 /opt/carpool/kernels /opt/carpool/kernels
COPY --from=build --chown=10001:10001 /var/lib/carpool /var/lib/carpool

ARG CPU=generic
ENV PATH=/opt/carpool/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    NUMBA_CPU_NAME=${CPU} \
    NUMBA_CACHE_DIR=/opt/carpool/kernels \
    CARPOOL_DATA_DIR=/var/lib/carpool \
    CARPOOL_HOST=0.0.0.0 \
    CARPOOL_PORT=8080

USER 10001:10001
WORKDIR /var/lib/carpool
# Regions, secrets and, without CARPOOL_DATABASE_URL, the embedded database.
VOLUME ["/var/lib/carpool"]
EXPOSE 8080
# The service finishes the calls in progress, then stops its embedded database.
STOPSIGNAL SIGTERM
# Liveness, not readiness: the container must not be killed when the database is down.
HEALTHCHECK --interval=15s --timeout=3s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as u; u.urlopen(f\"http://127.0.0.1:{os.environ['CARPOOL_PORT']}/healthz\", timeout=2)"]
ENTRYPOINT ["carpool"]
CMD ["serve"]
