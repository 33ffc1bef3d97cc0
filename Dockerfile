# Two images. The configuration of both is at /etc/atd-ingestion/atd-ingestion.yaml (mount your own over it, or set ATD_…
# variables), the files to load are at /data; both run with a read-only root, and as any user.
#   docker build .                          # prod: the service with its bundled loader
#   docker build --target appsentinels .    # the same with AppSentinels' as-cli, and a place for its plugin

# The Node of all stages: one that is maintained, by its major version, so that a build anew has its latest corrections. A build
# that is to come out the same again names it by its digest: --build-arg NODE_IMAGE=node:24-trixie-slim@sha256:…
ARG NODE_IMAGE=node:24-trixie-slim

# Compiles lib/ and keeps what runs. Of the development dependencies it takes, at the locked versions, only what the compiler
# and the bundlers need; all others, chdb (560 MB) above all, stay out without being named here.
FROM $NODE_IMAGE AS build
WORKDIR /build
COPY package.json package-lock.json .npmrc ./
RUN npm pkg delete $(node -p "Object.keys(require('./package.json').devDependencies) \
        .filter((name) => !/^(typescript|esbuild|@types\/.*)$/.test(name)).map((name) => 'devDependencies.' + name).join(' ')") \
    && npm ci --ignore-scripts
COPY tsconfig.json tsconfig.build.json tsconfig.page.json ./
COPY lib ./lib
COPY scripts ./scripts
RUN node_modules/.bin/tsc --project tsconfig.build.json \
    && node_modules/.bin/tsc --project tsconfig.page.json \
    && node scripts/bundle-as-cli.mjs \
    && node scripts/bundle-thread.mjs \
    && node scripts/bundle-page.mjs \
    && npm prune --omit=dev --ignore-scripts

FROM $NODE_IMAGE AS service
ARG NODE_IMAGE
ARG VERSION=unreleased
ARG REVISION=unknown
LABEL org.opencontainers.image.title="ATD Ingestion" \
    org.opencontainers.image.description="Loads every file announced on a Kafka topic into its tenant's ClickHouse table, once." \
    org.opencontainers.image.licenses="MIT" \
    org.opencontainers.image.version="$VERSION" \
    org.opencontainers.image.revision="$REVISION" \
    org.opencontainers.image.base.name="$NODE_IMAGE"
# No Python: the bundled loader stays, loads one file after another, and looks at the files before. Another loader is to be
# started by one (as_cli.launch): see the target appsentinels.
# As process 1, tini reaps what loaders leave behind and hands the stop signal on to the service alone.
RUN apt-get update \
    && apt-get install -y --no-install-recommends tini \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /opt/atd-ingestion
COPY package.json LICENSE ./
COPY bin ./bin
COPY libexec ./libexec
COPY --from=build /build/node_modules ./node_modules
COPY --from=build /build/dist ./dist
COPY etc/atd-ingestion.docker.yaml /etc/atd-ingestion/atd-ingestion.yaml
COPY etc/example-schema.json /etc/atd-ingestion/example-schema.json
# /data belongs to the user of the service, so that a new volume mounted there does too: `emit` writes its samples there. As
# another user it may be written to in the group 0, as where a platform gives each container a user of its own.
RUN ln -s /opt/atd-ingestion/bin/atd-ingestion /usr/local/bin/atd-ingestion \
    && install -d -o node -g 0 -m 775 /data
ENV ATD_CONFIG=/etc/atd-ingestion/atd-ingestion.yaml
# The image's user `node`, by number, so that Kubernetes can see that it is not root.
USER 1000:1000
EXPOSE 9464
VOLUME /data
STOPSIGNAL SIGTERM
# Alive means that a restart would not help; whether ClickHouse answers is not asked. For another port than that of the
# file set ATD_HTTP_PORT, which this reads too.
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s --retries=3 \
    CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.ATD_HTTP_PORT || 9464}/livez`).then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
# Exec form: a shell in between would swallow the signal. Give a stop more time than service.shutdown.deadline_seconds
# (330): docker stop --time 345.
ENTRYPOINT ["tini", "--", "atd-ingestion"]
CMD ["run"]

FROM service AS appsentinels
USER 0
# It finds its plugins by pkg_resources, which newer versions of setuptools do not have any more.
ARG AS_CLI=appsentinels-cli==2.2.8
ARG SETUPTOOLS=setuptools==80.9.0
RUN apt-get update \
    && apt-get install -y --no-install-recommends python3 python3-venv \
    && rm -rf /var/lib/apt/lists/* \
    && python3 -m venv /opt/as-cli \
    && /opt/as-cli/bin/pip install --no-cache-dir "$AS_CLI" "$SETUPTOOLS" \
    && ln -s /opt/as-cli/bin/as-cli /usr/local/bin/as-cli
# The place of the private plugin that loads files: mounted there, or put there by an image that begins with this one:
#   RUN /opt/as-cli/bin/pip install --no-cache-dir --no-deps --target /opt/as-cli-plugins PLUGIN
# as-cli writes to ~/.as-cli: its HOME is a volume, which may be written to also where the root is read-only.
RUN install -d /opt/as-cli-plugins \
    && echo /opt/as-cli-plugins > "$(/opt/as-cli/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/plugins.pth" \
    && install -d -m 1777 /var/lib/atd-ingestion
ENV HOME=/var/lib/atd-ingestion
VOLUME /var/lib/atd-ingestion
USER 1000:1000

# What is built unless a target is named.
FROM service AS prod
