# The vmmesh image: the one static binary, run by nobody, and nothing else but that user's name (kustomize runs functions
# with --user nobody, which an engine looks up in the image). It has no shell, no package and no file that anybody could
# write; it needs no network.
#
#   docker build -t vmmesh .
#   docker run --rm -i -v "$PWD:/spec:ro" vmmesh build /spec
#
# There are two ways to the same image. The last stage compiles the binary in a Go image. The stage `local` takes one
# that is compiled already and is the only file of its build context: `make image` uses it, since it works where no
# registry can be reached (the one base is `scratch`) and wants no second download of the modules. It stands before the
# Go stage because some builders work off the stages in their order until they come to the target.

FROM scratch AS base
LABEL org.opencontainers.image.title="vmmesh" \
      org.opencontainers.image.description="Expands a declarative vmmesh.yaml into Istio and Kubernetes manifests for virtual machines in a mesh" \
      org.opencontainers.image.source="https://github.com/vmmesh/vmmesh" \
      org.opencontainers.image.licenses="Apache-2.0"
# nobody, by number: Kubernetes' runAsNonRoot wants to see one.
USER 65534:65534
ENTRYPOINT ["/vmmesh"]

FROM base AS local
COPY vmmesh /vmmesh
COPY etc /etc
COPY licenses /licenses

FROM golang:1.26 AS build
ARG VERSION=
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
RUN CGO_ENABLED=0 go build -trimpath -ldflags "-s -w -X main.version=$VERSION" -o /out/vmmesh ./cmd/vmmesh
RUN bash .ci/release/licenses.sh /out/licenses
RUN mkdir /out/etc && echo 'nobody:x:65534:65534:nobody:/:/sbin/nologin' >/out/etc/passwd

FROM base
COPY --from=build /out/ /
