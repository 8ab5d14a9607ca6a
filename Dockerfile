# One static program, nothing else. /data holds everything that must last.
FROM golang:1.26 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
RUN CGO_ENABLED=0 go build -trimpath -buildvcs=false -ldflags '-s -w' -o /gatehouse ./hub \
 && mkdir -p /rootfs/data /rootfs/tmp /rootfs/etc/ssl/certs && chmod 1777 /rootfs/tmp && chown 65532:65532 /rootfs/data \
 && cp /etc/ssl/certs/ca-certificates.crt /rootfs/etc/ssl/certs/ \
 && mkdir /rootfs/licenses && cp LICENSE /rootfs/licenses/gatehouse && cp bridge/homekit/fonts/OFL.txt /rootfs/licenses/noto

FROM scratch
COPY --from=build /rootfs/ /
COPY --from=build /gatehouse /gatehouse
USER 65532:65532
VOLUME /data
EXPOSE 8080
HEALTHCHECK --interval=30s --timeout=5s CMD ["/gatehouse", "status", "--alive"]
ENTRYPOINT ["/gatehouse"]
CMD ["serve", "--data", "/data", "--listen", "0.0.0.0:8080"]
