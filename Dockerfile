# Five images of one file: `docker build --target api|worker|worker-pixyz|control|redis .`; docs/how-to/docker.md tells how.
# Every base image is a build argument. Nothing but what both of Docker's builders know, so that old ones build it too.
ARG PYTHON_IMAGE=python:3.12-slim-bookworm
ARG DOCKER_REDIS_IMAGE=redis:latest
ARG PIXYZ_IMAGE_BASE=pixyzinc/sdk:2025.2.0.1
ARG PIXYZ_IMAGE_VERSION=

# What every image runs with. tini is the first process: it passes signals on, and buries what nobody else waits for.
FROM ${PYTHON_IMAGE} AS runtime
USER root
COPY deploy/docker/debian-packages /usr/local/sbin/
RUN debian-packages tini
ARG UID=1001
ARG GID=1001
# A new volume takes owner and mode of the folder that it covers: nobody has to be root when it is started.
RUN install -d -m 0770 -o ${UID} -g ${GID} /share /work
# HOME: the user has no name, and needs none.
ENV PATH=/opt/pixyz-scheduler/bin:$PATH HOME=/tmp LANG=C.UTF-8 PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 SHARE_PATH=/share
WORKDIR /
ENTRYPOINT ["tini", "--", "pixyz-scheduler"]

# Makes the project's wheel, and what is installed beside it, whole, in /opt/pixyz-scheduler; pip itself stays behind.
FROM ${PYTHON_IMAGE} AS wheel
USER root
COPY deploy/docker/debian-packages /usr/local/sbin/
RUN python3 -c 'import ensurepip' || debian-packages python3-venv
# For a build without an index: wheels in deploy/docker/wheels, PIP_NO_INDEX=1 and PIP_FIND_LINKS=/wheels.
ARG PIP_NO_INDEX
ARG PIP_FIND_LINKS
ARG PIP_INDEX_URL
COPY deploy/docker/wheels /wheels
COPY deploy/docker/install-locked /usr/local/sbin/
COPY requirements /requirements
RUN install-locked build /opt/build
COPY pyproject.toml README.md LICENSE /source/
COPY src /source/src
COPY processes /source/processes
RUN /opt/pip/bin/pip --python /opt/build wheel --no-deps --no-build-isolation --wheel-dir /wheel /source

FROM wheel AS api-installed
RUN install-locked server /opt/pixyz-scheduler /wheel/*.whl

FROM runtime AS api
COPY --from=api-installed /opt/pixyz-scheduler /opt/pixyz-scheduler
ENV API_PORT=8001
EXPOSE 8001
USER ${UID}:${GID}
HEALTHCHECK --interval=15s --timeout=10s --start-period=60s CMD ["pixyz-scheduler", "health", "api"]
CMD ["api"]

FROM wheel AS control-installed
RUN install-locked flower /opt/pixyz-scheduler && install-locked worker /opt/pixyz-scheduler /wheel/*.whl

# A worker without engine: scripts that steer others, archives, cleaning. Flower is here too.
FROM runtime AS control
COPY --from=control-installed /opt/pixyz-scheduler /opt/pixyz-scheduler
ENV HOME=/work TMPDIR=/work METRICS_PORT=9464 DISABLE_PIXYZ=true QUEUE_NAME=control,zip,clean POOL_TYPE=pool
EXPOSE 9464
USER ${UID}:${GID}
HEALTHCHECK --interval=15s --timeout=10s --start-period=60s CMD ["pixyz-scheduler", "health", "worker"]
CMD ["worker"]

FROM wheel AS worker-installed
RUN install-locked worker-open-engine /opt/pixyz-scheduler /wheel/*.whl

# With the open engine, whose readers of STEP and IGES look for these two libraries when they are loaded.
FROM runtime AS worker
ARG WORKER_DEBIAN_PACKAGES="libgl1 libx11-6"
RUN debian-packages ${WORKER_DEBIAN_PACKAGES}
COPY --from=worker-installed /opt/pixyz-scheduler /opt/pixyz-scheduler
ENV HOME=/work TMPDIR=/work METRICS_PORT=9464
EXPOSE 9464
USER ${UID}:${GID}
HEALTHCHECK --interval=15s --timeout=10s --start-period=60s CMD ["pixyz-scheduler", "health", "worker"]
CMD ["worker"]

# The store: that of the image, with a folder for its data that our user owns.
FROM ${DOCKER_REDIS_IMAGE} AS redis
USER root
ARG UID=1001
ARG GID=1001
RUN mkdir -p /store && chown ${UID}:${GID} /store && chmod 0700 /store
USER ${UID}:${GID}

# Last: a builder that builds whatever stands above its target must not ask for the SDK's image in vain.
FROM ${PIXYZ_IMAGE_BASE}${PIXYZ_IMAGE_VERSION:+:${PIXYZ_IMAGE_VERSION}} AS pixyz
USER root
COPY deploy/docker/debian-packages /usr/local/sbin/
RUN debian-packages tini

# Anew, for the SDK's own Python.
FROM pixyz AS pixyz-installed
RUN python3 -c 'import ensurepip' || debian-packages python3-venv
ARG PIP_NO_INDEX
ARG PIP_FIND_LINKS
ARG PIP_INDEX_URL
COPY deploy/docker/wheels /wheels
COPY deploy/docker/install-locked /usr/local/sbin/
COPY requirements /requirements
COPY --from=wheel /wheel /wheel
RUN install-locked worker /opt/pixyz-scheduler /wheel/*.whl

FROM pixyz AS worker-pixyz
ARG UID=1001
ARG GID=1001
RUN install -d -m 0770 -o ${UID} -g ${GID} /share /work
COPY --from=pixyz-installed /opt/pixyz-scheduler /opt/pixyz-scheduler
ENV PATH=/opt/pixyz-scheduler/bin:$PATH HOME=/work TMPDIR=/work LANG=C.UTF-8 PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \
    SHARE_PATH=/share METRICS_PORT=9464 ENGINE=pixyz PIXYZ_PYTHON_PATH=/opt/pixyz
WORKDIR /
EXPOSE 9464
USER ${UID}:${GID}
HEALTHCHECK --interval=15s --timeout=10s --start-period=60s CMD ["pixyz-scheduler", "health", "worker"]
ENTRYPOINT ["tini", "--", "pixyz-scheduler"]
CMD ["worker"]
