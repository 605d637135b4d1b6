# hearsay in a container: docker build -t hearsay .
#   docker run -v hearsay:/data -v ./key.txt:/key:ro -p 4001:4001 -e HEARSAY_NETWORK_KEY=/key hearsay
# A node that listens beyond loopback wants a network key; -e HEARSAY_OPEN=1 lets anybody in instead.
# Everything a node writes is in /data and /tmp: the root file system may be read-only
# (docker run --read-only --tmpfs /tmp).

FROM node:24-slim AS build
WORKDIR /build
COPY package.json package-lock.json .npmrc ./
# With the optional ones: the bundler's binary is one of them.
RUN npm ci --ignore-scripts
COPY tsconfig.json tsconfig.build.json ./
COPY scripts scripts
COPY src src
RUN npm run build

FROM node:24-slim AS dependencies
WORKDIR /build
COPY package.json package-lock.json .npmrc ./
# Without the repository's own runtime: the image has one.
RUN npm ci --ignore-scripts --omit=dev --omit=optional

FROM node:24-slim
WORKDIR /app
COPY --from=dependencies /build/node_modules node_modules
COPY --from=build /build/dist dist
COPY package.json LICENSE ./
COPY bin bin
RUN groupadd --gid 10001 hearsay \
  && useradd --uid 10001 --gid 10001 --no-create-home --shell /usr/sbin/nologin hearsay \
  && install -d -o 10001 -g 10001 -m 0700 /data
USER 10001:10001
VOLUME /data
EXPOSE 4001
ENV NODE_ENV=production HEARSAY_DATA_DIR=/data HEARSAY_RUNTIME_DIR=/tmp/hearsay
# SIGTERM: the node says goodbye to its neighbours, flushes and ends.
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=20s CMD ["node", "bin/hearsay.js", "status", "--json"]
ENTRYPOINT ["node", "bin/hearsay.js"]
CMD ["up", "--profile", "lan", "--listen", "/ip4/0.0.0.0/tcp/4001"]
