#!/bin/bash
# Sees to it that the sidecar can prove who it is: the mesh's root certificate, and a token where the certificate is
# gone or near its end. A healthy sidecar renews its certificate with the certificate, so a token is rarely asked for.
# Before a start of istio it runs without arguments; `identity.sh timer` runs every hour.
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$here/lib.sh"
alone "${BASH_SOURCE[0]}" "$@"
settings "$ETC/vm.env"

ROOT=$CERTS/root-cert.pem
CERT=$CERTS/cert-chain.pem
NOW=$(date +%s)
NAME=spiffe://$VMMESH_TRUST_DOMAIN/ns/$VMMESH_NAMESPACE/sa/$VMMESH_SERVICE_ACCOUNT

# ours tells whether the certificate is for the spec's service account.
ours() { openssl x509 -in "$CERT" -noout -text 2>/dev/null | sed 's/[, ]\{1,\}/\n/g' | grep -qxF "URI:$NAME"; }

# valid tells whether the sidecar can still use its certificate; it sets ends.
valid() {
	[ -s "$CERTS/key.pem" ] && ends=$(cert_date "$CERT" enddate) && [ "$ends" -gt "$NOW" ] && ours
}

# fresh tells whether more than a quarter of its life is left.
fresh() {
	local starts
	valid && starts=$(cert_date "$CERT" startdate) && [ $(((ends - NOW) * 4)) -gt $((ends - starts)) ]
}

# secret FILE MEND demands a file and tells when others may read it.
secret() {
	[ -s "$1" ] || die "$1 is missing or empty" "$2"
	case $(stat -L -c %A "$1") in
	*r??) warn "$1 can be read by everybody: chmod 0600 $1" ;;
	esac
}

# text FIELD JSON prints a string of a JSON answer; what these answers hold needs no more than line ends undone.
text() {
	local value
	value=$(tr -d '\r\n' <<<"$2" | sed -n 's/.*"'"${1//./\\.}"'" *: *"\([^"]*\)".*/\1/p')
	value=${value//\\\//\/}
	printf '%b' "$value"
}

# ask URL OPTIONS of curl: with VMMESH_CA_FILE, or the system's trust store. Redirects are not followed: a credential goes with it.
ask() { fetch "$@" --max-time 30 ${VMMESH_CA_FILE:+--cacert "$VMMESH_CA_FILE"}; }

# kubernetes PATH OPTIONS of curl: asks the Kubernetes API with the bootstrap credential, which no command line shows.
kubernetes() {
	local credential
	credential=$(cat "$VMMESH_TOKEN_REQUEST_CREDENTIAL_FILE")
	ask "${VMMESH_TOKEN_REQUEST_SERVER%/}/api/v1/namespaces/$VMMESH_NAMESPACE/$1" "${@:2}" -H @<(printf 'Authorization: Bearer %s\n' "$credential")
}

# obtain sets token and, where the strategy's channel brings it, root. It returns an error after saying why.
obtain() {
	local answer seconds end
	token='' root=''
	case $VMMESH_IDENTITY in
	TokenFile)
		if [ ! -s "$VMMESH_TOKEN_FILE" ]; then
			warn "$VMMESH_TOKEN_FILE is not there yet; $(delivery)"
			return 1
		fi
		secret "$VMMESH_TOKEN_FILE" ""
		token=$(tr -d '[:space:]' <"$VMMESH_TOKEN_FILE")
		;;
	TokenRequest)
		secret "$VMMESH_TOKEN_REQUEST_CREDENTIAL_FILE" "put the bearer token of the bootstrap service account there"
		seconds=${VMMESH_TOKEN_REQUEST_SECONDS:-3600}
		answer=$(kubernetes "serviceaccounts/$VMMESH_SERVICE_ACCOUNT/token" --request POST -H 'Content-Type: application/json' --data \
			'{"apiVersion":"authentication.k8s.io/v1","kind":"TokenRequest","spec":{"audiences":["istio-ca"],"expirationSeconds":'"$seconds"'}}') || {
			warn "$VMMESH_TOKEN_REQUEST_SERVER gave no token for $VMMESH_NAMESPACE/$VMMESH_SERVICE_ACCOUNT: 401 or 403 means the credential or its Role, a TLS error means vm.identity.tokenRequest.caFile"
			return 1
		}
		token=$(text token "$answer")
		if [ ! -e "$ETC/root-cert.pem" ]; then
			answer=$(kubernetes configmaps/istio-ca-root-cert) ||
				warn "ConfigMap istio-ca-root-cert of $VMMESH_NAMESPACE could not be read: see the credential's Role"
			root=$(text root-cert.pem "$answer")
		fi
		;;
	HTTP)
		[ -z "$VMMESH_HTTP_HEADERS_FILE" ] || secret "$VMMESH_HTTP_HEADERS_FILE" "put the headers to send there, one a line"
		answer=$(ask "$VMMESH_HTTP_URL" ${VMMESH_HTTP_HEADERS_FILE:+-H "@$VMMESH_HTTP_HEADERS_FILE"}) || {
			warn "$VMMESH_HTTP_URL gave no token"
			return 1
		}
		if [[ $answer =~ ^[[:space:]]*\{ ]]; then
			token=$(text token "$answer")
			root=$(text rootCert "$answer")
		else
			token=$(tr -d '[:space:]' <<<"$answer")
		fi
		;;
	Command)
		token=$(timeout 60 "${VMMESH_COMMAND[@]}" | tr -d '[:space:]') || {
			warn "${VMMESH_COMMAND[0]} failed"
			return 1
		}
		;;
	esac
	[[ $token =~ ^[A-Za-z0-9_.=-]+$ ]] || {
		warn "what $VMMESH_IDENTITY gave is no token"
		return 1
	}
	end=$(expiry "$token")
	if [ -n "$end" ] && [ "$end" -le "$NOW" ]; then
		warn "the token that $VMMESH_IDENTITY gave has expired, $(when "$end"); $(delivery)"
		return 1
	fi
}

delivery() {
	echo "make one with \`kubectl create token $VMMESH_SERVICE_ACCOUNT -n $VMMESH_NAMESPACE --audience istio-ca\`${VMMESH_TOKEN_FILE:+ and put it into $VMMESH_TOKEN_FILE}"
}

# trust puts the mesh's root certificate where the agent looks. The agent keeps it up to date afterwards, so what the
# spec says is written again only when the spec says something new.
trust() {
	local from=$ETC/root-cert.pem last=$STATE/root-cert.placed pem
	if [ ! -e "$from" ] && [ "$VMMESH_IDENTITY" = TokenFile ]; then
		from=$VMMESH_ROOT_CERT_FILE
	fi
	if [ -s "$from" ]; then
		[ ! -s "$ROOT" ] || ! cmp -s "$from" "$last" || return 0
		pem=$(cat "$from")
	elif [ -n "$root" ]; then
		from=$VMMESH_IDENTITY pem=$root
	elif [ -s "$ROOT" ]; then
		return 0
	else
		die "the mesh's root certificate is not here" "set istio.rootCert in the spec${VMMESH_ROOT_CERT_FILE:+, or put the certificate into $VMMESH_ROOT_CERT_FILE}${VMMESH_HTTP_URL:+, or have the endpoint answer {\"token\": …, \"rootCert\": …\}}"
	fi
	openssl x509 -noout <<<"$pem" 2>/dev/null ||
		die "what $from gives as the mesh's root certificate is none in PEM" "it is root-cert.pem in ConfigMap istio-ca-root-cert of every namespace"
	put 0644 "$USER_GROUP" "$ROOT" <<<"$pem"
	[ ! -s "$from" ] || put 0644 root:root "$last" <"$from"
}

# socket links SPIRE's socket to where the agent looks. The agent would fall back to istiod's CA without it.
socket() {
	local name dir=/var/run/secrets/workload-spiffe-uds
	[ -S "$VMMESH_SPIRE_SOCKET" ] || die "the SPIRE agent's socket $VMMESH_SPIRE_SOCKET is not there" "start spire-agent, and see that vm.identity.spire.socketPath is its workload socket"
	name=$(sed -n "s/^WORKLOAD_IDENTITY_SOCKET_FILE='\(.*\)'\$/\1/p" "$ETC/cluster.env")
	name=$dir/${name:-socket}
	if [ "$(readlink -f "$VMMESH_SPIRE_SOCKET")" != "$(readlink -f "$name")" ]; then
		install -d -m 0755 -o istio-proxy -g istio-proxy "$dir"
		ln -sfn "$VMMESH_SPIRE_SOCKET" "$name"
	fi
}

token='' root='' ends=
case $VMMESH_IDENTITY in
GCE) # the agent asks Google's metadata service itself
	trust
	exit
	;;
SPIRE)
	socket
	trust
	exit
	;;
esac
if fresh && [ -s "$ROOT" ]; then
	trust
	note "the certificate is good until $(when "$ends"); no token is needed"
	exit
fi
if obtain; then
	trust
	put 0600 "$USER_GROUP" "$TOKEN" <<<"$token"
	# A certificate of another identity would go before the token.
	valid || rm -f "$CERT" "$CERTS/key.pem"
	note "a new token is in $TOKEN"
elif valid; then
	warn "the certificate ends $(when "$ends"), and there is no new token; the sidecar goes on trying to renew it by itself"
elif [ "${1-}" = timer ] && [ "$VMMESH_DNS_MODE" = Proxy ] && [ "$VMMESH_IDENTITY" != TokenFile ]; then
	# While DNS is captured and istiod does not answer, no name resolves; before a start nothing is captured.
	note "no valid certificate and no token: istio is started again, to ask while nothing is captured"
	systemctl --no-block try-restart istio.service
else
	die "the sidecar has no valid certificate, and there is no token to get one" "see the warning above, and RUNBOOK.md, \"Token\""
fi
