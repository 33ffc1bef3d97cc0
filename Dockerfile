# The service with its bundled loader. The configuration is at /etc/atd-ingestion/atd-ingestion.yaml (mount your own over
# it, or set ATD_… variables), the files to load are at /data.

# The Node of both stages: one that is maintained, by its major version, so that a build anew has its latest corrections.
ARG NODE_IMAGE=node:24-trixie-slim

# Compiles lib/ and keeps what runs. Of the development dependencies it takes, at the locked versions, only what the compiler
# and the bundlers need; all others, chdb (560 MB) above all, stay out without being named here.
FROM $NODE_IMAGE AS build
WORKDIR /build
COPY package.json package-lock.json .npmrc ./
RUN npm pkg delete $(node -p "Object.keys(require('./package.json').devDependencies) \
        .filter((name) => !/^(typescript|esbuild|@types\/.*)$/.test(name)).map((name) => 'devDependencies.' + name).join(' ')") \
    && npm ci --ignore-scripts
COPY tsconfig.json tsconfig.build.json ./
COPY lib ./lib
COPY scripts ./scripts
RUN node_modules/.bin/tsc --project tsconfig.build.json \
    && node scripts/bundle-as-cli.mjs \
    && node scripts/bundle-thread.mjs \
    && npm prune --omit=dev --ignore-scripts

FROM $NODE_IMAGE
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
# /data belongs to the user of the service, so that a new volume mounted there does too: `emit` writes its samples there.
RUN ln -s /opt/atd-ingestion/bin/atd-ingestion /usr/local/bin/atd-ingestion \
    && install -d -o node -g node /data
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
