# One image for every service: `docker run qwenq --help`. docker-compose.yml gives each service its command.

FROM python:3.11.14-slim-trixie AS build

# A mirror, or an additional index such as PyTorch's CPU builds, which are far smaller.
ARG PIP_INDEX_URL
ARG PIP_EXTRA_INDEX_URL
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1

# The embedded Redis has a wheel for x86-64; on ARM, pip compiles it.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends gcc libc6-dev make \
    && rm -rf /var/lib/apt/lists/*

RUN python -m venv /opt/qwenq
ENV PATH=/opt/qwenq/bin:$PATH
WORKDIR /source

# Install dependencies first: PyTorch takes gigabytes and changes less often than the code.
COPY pyproject.toml constraints.txt ./
RUN python -c "import tomllib; print(*tomllib.load(open('pyproject.toml', 'rb'))['project']['dependencies'], sep='\n')" \
        > requirements.txt \
    && pip install --constraint constraints.txt --requirement requirements.txt

COPY . .
RUN pip install --no-deps .


FROM python:3.11.14-slim-trixie

RUN useradd --uid 10001 --create-home qwenq \
    && install --directory --owner=qwenq --group=qwenq /var/lib/qwenq /var/cache/models
COPY --from=build /opt/qwenq /opt/qwenq

ENV PATH=/opt/qwenq/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    QWENQ_HOME=/var/lib/qwenq \
    HF_HOME=/var/cache/models

USER qwenq
WORKDIR /var/lib/qwenq
ENTRYPOINT ["qwenq"]
CMD ["--help"]
