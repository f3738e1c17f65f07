# The bundled matcher as an HTTP service on a CPU, without torch:
#   docker build -t yanmo .
#   docker run -p 8000:8000 -e YANMO_API_KEY=a-long-random-word yanmo
# Another model: docker run ... -v /path/to/export:/model:ro yanmo serve /model --host 0.0.0.0
FROM python:3.12-slim AS build
WORKDIR /source
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY src ./src
COPY recipes ./recipes
RUN python -m venv /opt/yanmo \
    && /opt/yanmo/bin/pip install --no-cache-dir --disable-pip-version-check -c constraints.txt ".[serve]"

FROM python:3.12-slim
RUN useradd --system --uid 10001 --no-create-home yanmo
COPY --from=build /opt/yanmo /opt/yanmo
ENV PATH=/opt/yanmo/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1
USER 10001
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s --retries=3 \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/healthz', timeout=4)"]
# SIGTERM ends it gracefully: the requests it has accepted are answered first.
STOPSIGNAL SIGTERM
ENTRYPOINT ["yanmo"]
CMD ["serve", "default", "--host", "0.0.0.0", "--port", "8000"]
