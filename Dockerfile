# A static binary in an empty image, run as nobody. Build: docker build -t openmediapackage .
FROM rust:1.95-alpine AS build
RUN apk add --no-cache musl-dev
WORKDIR /source
COPY . .
RUN cargo build --release --locked --bin openmediapackage \
 && mkdir -p /image/data && cp target/release/openmediapackage /image/

FROM scratch
COPY --from=build /image/openmediapackage /openmediapackage
COPY --from=build --chown=65534:65534 /image/data /data
USER 65534:65534
VOLUME /data
EXPOSE 4790
ENV OPENMEDIAPACKAGE_LISTEN=0.0.0.0:4790 OPENMEDIAPACKAGE_DATA_DIR=/data
ENTRYPOINT ["/openmediapackage"]
CMD ["serve"]
