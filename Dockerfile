# Node builds the pages; the final image has no Node and runs as a user of its own.
FROM node:20-bookworm-slim AS pages
WORKDIR /build/maps/web
COPY maps/web/package.json maps/web/package-lock.json ./
RUN npm ci --no-audit --no-fund
COPY maps/web ./
RUN npm run build

FROM python:3.11-slim-bookworm AS wheels
COPY requirements.lock .
RUN python -m venv /opt/tianshu && /opt/tianshu/bin/pip install --no-cache-dir --require-hashes -r requirements.lock

FROM python:3.11-slim-bookworm
RUN useradd --system --create-home --home-dir /data tianshu
COPY --from=wheels /opt/tianshu /opt/tianshu
WORKDIR /app
COPY geo geo
COPY services services
COPY maps maps
COPY api api
COPY demo demo
COPY --from=pages /build/maps/static maps/static
COPY scripts/tianshu /opt/tianshu/bin/tianshu
ENV PATH=/opt/tianshu/bin:$PATH PYTHONPATH=/app PYTHONUNBUFFERED=1
USER tianshu
VOLUME /data
EXPOSE 8600 7611
CMD ["tianshu", "api"]
