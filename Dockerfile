# One image, one process a container: `serve` answers HTTP, `work` is the same image with another command.
# Absolute paths stand in ENV, WORKDIR and COPY alone: tests/contracts/test_dockerfile.py runs the steps with
# an empty folder in the place of /, since an engine is not always at hand.

ARG PYTHON_IMAGE=python:3.11-slim-bookworm

FROM ${PYTHON_IMAGE} AS build
ENV BUILDER=/builder \
    APP=/app \
    UV_COMPILE_BYTECODE=1 \
    UV_LINK_MODE=copy \
    UV_PYTHON_DOWNLOADS=never
WORKDIR /source
# The tools first, then what the service needs, then the service: an edit repeats only what it must.
COPY requirements-build.lock ./
RUN python3 -m venv "$BUILDER" \
    && "$BUILDER/bin/pip" install --quiet --no-cache-dir --require-hashes -r requirements-build.lock
COPY requirements.lock ./
# Relocatable: no script in it names the folder it was made in.
RUN "$BUILDER/bin/uv" venv --quiet --relocatable --python "$BUILDER/bin/python" "$APP" \
    && "$BUILDER/bin/uv" pip install --quiet --python "$APP/bin/python" --require-hashes -r requirements.lock
COPY pyproject.toml LICENSE ./
COPY consent_service consent_service/
RUN "$BUILDER/bin/uv" build --quiet --wheel --no-build-isolation --python "$BUILDER/bin/python" --out-dir wheel \
    && "$BUILDER/bin/uv" pip install --quiet --python "$APP/bin/python" --no-deps wheel/*.whl \
    && rm "$APP/.lock"

FROM ${PYTHON_IMAGE}
LABEL org.opencontainers.image.title="consent-service" \
      org.opencontainers.image.description="Consent, release and delivery between the parties of Trøndelagsmodellen" \
      org.opencontainers.image.licenses="MIT"
ENV PATH=/app/bin:/usr/local/bin:/usr/bin:/bin \
    CONSENT_BIND=0.0.0.0 \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
COPY --from=build /app /app
# A number, so that an orchestrator can see that it is not root. It owns nothing of the image.
USER 10001:10001
EXPOSE 8080 8081
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as r; r.urlopen('http://127.0.0.1:' + os.environ.get('CONSENT_PLATFORM_PORT', '8081') + '/isalive', timeout=2)"]
ENTRYPOINT ["consent-service"]
CMD ["serve"]
