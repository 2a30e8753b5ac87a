package importer

import (
	"strconv"

	meshconfig "istio.io/api/mesh/v1alpha1"
)

func itoa(n uint32) string { return strconv.FormatUint(uint64(n), 10) }

func newProxyConfig() *meshconfig.ProxyConfig { return &meshconfig.ProxyConfig{} }
