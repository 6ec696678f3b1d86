# One image for every service: `docker run qwenq --help`. docker-compose.yml gives each service its command.

FROM python:3.11.14-slim-trixie AS build

# For the CPU build of PyTorch, which is far smaller: its index. Its wheel is then the one without a hash.
ARG TORCH_INDEX_URL
ARG PIP_INDEX_URL
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1

RUN python -m venv /opt/qwenq
ENV PATH=/opt/qwenq/bin:$PATH
WORKDIR /source

# Install dependencies first: PyTorch takes gigabytes and changes less often than the code.
COPY constraints.txt deploy/requirements.lock deploy/torch.lock ./
RUN if [ -n "$TORCH_INDEX_URL" ]; then \
        pip install --no-deps --index-url "$TORCH_INDEX_URL" "$(grep '^torch==' constraints.txt)" \
        && pip install --require-hashes --only-binary :all: --requirement requirements.lock; \
    else \
        pip install --require-hashes --only-binary :all: --requirement requirements.lock --requirement torch.lock; \
    fi

# With the setuptools of the lock: a build in isolation would fetch another, without a hash.
COPY . .
RUN pip install --no-deps --no-build-isolation .


FROM python:3.11.14-slim-trixie

RUN useradd --uid 10001 --create-home qwenq \
    && install --directory --owner=qwenq --group=qwenq /var/lib/qwenq /var/lib/qwenq-files /var/cache/models
COPY --from=build /opt/qwenq /opt/qwenq

ENV PATH=/opt/qwenq/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    QWENQ_HOME=/var/lib/qwenq \
    HF_HOME=/var/cache/models

USER qwenq
WORKDIR /var/lib/qwenq
ENTRYPOINT ["qwenq"]
CMD ["--help"]
