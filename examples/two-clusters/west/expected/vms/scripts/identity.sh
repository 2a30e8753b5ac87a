#!/bin/bash
# Sees to it that the sidecar can prove who it is: the mesh's root certificate, and a token where the certificate is gone
# or near its end. A healthy sidecar renews its certificate with the certificate. istio.service runs this before every
# start, and vmmesh-identity.timer runs `identity.sh timer` every hour.
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$here/lib.sh"
alone "${BASH_SOURCE[0]}" "$@"
settings "$ETC/vm.env"

ROOT=$CERTS/root-cert.pem
CERT=$CERTS/cert-chain.pem
NEXT=4200 # seconds, at most, until the timer runs this again
token='' root='' ends=

# valid tells whether the certificate, which is for the spec's service account, can be used; fresh, whether more than a
# quarter of its life is left.
valid() {
	[ -s "$CERTS/key.pem" ] && ends=$(cert_date "$CERT" enddate) && [ "$ends" -gt "$NOW" ] && cert_names "$CERT" | grep -qxF "$NAME" && chained
}

# chained reports whether ROOT vouches for the certificate: istiod refuses one of a CA that is gone, and never looks at a token
# beside it. Without a root there is nothing to hold it to.
chained() { [ ! -s "$ROOT" ] || timeout 10 openssl verify -no_check_time -CAfile "$ROOT" -untrusted "$CERT" "$CERT" >/dev/null 2>&1; }

# doubted reports whether istiod answers with a certificate that ROOT does not vouch for. An istiod that does not answer, or
# that answers under another name, says nothing about the root.
doubted() {
	local code
	[ -s "$ROOT" ] || return
	code=$(timeout 10 openssl s_client -connect "$VMMESH_ISTIOD_HOST:$VMMESH_ISTIOD_PORT" -servername "$VMMESH_ISTIOD_HOST" -CAfile "$ROOT" \
		</dev/null 2>/dev/null | sed -n '/^no peer certificate/q; s/ *Verify return code: \([0-9]*\).*/\1/p' | head -n 1) || :
	case $code in
	2 | 7 | 18 | 19 | 20 | 21) return 0 ;; # no issuer, a bad signature, or a root that is not ours
	*) return 1 ;;
	esac
}

# renewed has the sidecar start again, when the timer has put another root or identity in place for it.
renewed() { [ "${1-}" != timer ] || systemctl --no-block try-restart istio.service; }
fresh() {
	local starts
	valid && starts=$(cert_date "$CERT" startdate) && [ $(((ends - NOW) * 4)) -gt $((ends - starts)) ]
}

# renewable reports whether the sidecar can renew its certificate until this runs again: istiod takes the certificate for
# that, and another CA takes a token that is valid then. A start asks such a CA at once; later the sidecar does so after
# half of the certificate's life, or where SECRET_GRACE_PERIOD_RATIO puts it.
renewable() {
	local starts token_ends
	[ -n "$VMMESH_CA_HOST" ] || return 0
	if [ "${1-}" = timer ] && [ -z "$(value SECRET_GRACE_PERIOD_RATIO "$ENV" 2>/dev/null)" ]; then
		starts=$(cert_date "$CERT" startdate)
		[ $((starts + (ends - starts) * 49 / 100)) -le $((NOW + NEXT)) ] || return 0
	fi
	token_ends=$(expiry "$(cat "$TOKEN" 2>/dev/null)")
	[ -n "$token_ends" ] && [ "$token_ends" -gt $((NOW + NEXT)) ]
}

# secret FILE HELP demands a file, and warns when others may read it.
secret() {
	[ -s "$1" ] || die "$1 is missing or empty" "$2"
	[[ $(stat -L -c %A "$1") != *r?? ]] || warn "$1 can be read by everybody: chmod 0600 $1"
}

# only: TokenRequest HTTP
# text FIELD JSON prints a string of a JSON answer. Tokens and PEM hold no other escapes than these.
text() {
	local value
	value=$(tr -d '\r\n' <<<"$2" | sed -n 's/.*"'"${1//./\\.}"'" *: *"\([^"]*\)".*/\1/p')
	printf '%b' "${value//\\\//\/}"
}
# end

# only: TokenRequest HTTP
# ask URL OPTIONS of curl prints an answer of at most a mebibyte. A redirect is not followed, and what it says is no answer:
# a credential goes with the question, which no command line shows.
ask() {
	local most=1048576 answer code
	answer=$(fetch "$@" --max-time 30 --max-filesize "$most" --write-out '\n%{http_code}' ${VMMESH_CA_FILE:+--cacert "$VMMESH_CA_FILE"} |
		head -c $((most + 4))) || return
	code=${answer##*$'\n'}
	if [[ $code != 20[01] ]]; then
		note "$1 answered ${code:0:3}, and 200 is needed"
		return 1
	fi
	printf '%s' "${answer%$'\n'*}"
}
# end

# only: TokenRequest
# kubernetes PATH OPTIONS of curl asks the Kubernetes API.
kubernetes() {
	local credential
	credential=$(cat "$VMMESH_TOKEN_REQUEST_CREDENTIAL_FILE")
	ask "${VMMESH_TOKEN_REQUEST_SERVER%/}/api/v1/namespaces/$VMMESH_NAMESPACE/$1" "${@:2}" -H @<(printf 'Authorization: Bearer %s\n' "$credential")
}
# end

# no WHAT prints why a token is missing.
no() {
	warn "$1"
	return 1
}

# obtain sets token and, where the strategy's channel brings it, root.
obtain() {
	local answer end help="make one with \`kubectl create token $VMMESH_SERVICE_ACCOUNT -n $VMMESH_NAMESPACE --audience istio-ca\`"
	case $VMMESH_IDENTITY in
	TokenFile)
		[ -s "$VMMESH_TOKEN_FILE" ] || no "$VMMESH_TOKEN_FILE is not there yet; $help" || return
		secret "$VMMESH_TOKEN_FILE" ""
		token=$(cat "$VMMESH_TOKEN_FILE")
		;;
# only: TokenRequest
	TokenRequest)
		secret "$VMMESH_TOKEN_REQUEST_CREDENTIAL_FILE" "put the bootstrap service account's token there"
		answer=$(kubernetes "serviceaccounts/$VMMESH_SERVICE_ACCOUNT/token" --request POST -H 'Content-Type: application/json' --data \
			'{"apiVersion":"authentication.k8s.io/v1","kind":"TokenRequest","spec":{"audiences":["istio-ca"],"expirationSeconds":'"${VMMESH_TOKEN_REQUEST_SECONDS:-3600}"'}}') ||
			no "$VMMESH_TOKEN_REQUEST_SERVER gave no token for $VMMESH_NAMESPACE/$VMMESH_SERVICE_ACCOUNT: 401 and 403 are about the credential and its Role, TLS about vm.identity.tokenRequest.caFile" || return
		token=$(text token "$answer")
		if [ ! -e "$ETC/root-cert.pem" ]; then
			answer=$(kubernetes configmaps/istio-ca-root-cert) || warn "ConfigMap istio-ca-root-cert of $VMMESH_NAMESPACE could not be read: see the credential's Role"
			root=$(text root-cert.pem "$answer")
		fi
		;;
# end
# only: HTTP
	HTTP)
		[ -z "$VMMESH_HTTP_HEADERS_FILE" ] || secret "$VMMESH_HTTP_HEADERS_FILE" "put the headers to send there, one a line"
		answer=$(ask "$VMMESH_HTTP_URL" ${VMMESH_HTTP_HEADERS_FILE:+-H "@$VMMESH_HTTP_HEADERS_FILE"}) || no "$VMMESH_HTTP_URL gave no token" || return
		token=$answer
		if [[ $answer =~ ^[[:space:]]*\{ ]]; then
			token=$(text token "$answer")
			root=$(text rootCert "$answer")
		fi
		;;
# end
	Command) token=$(timeout 60 "${VMMESH_COMMAND[@]}") || no "${VMMESH_COMMAND[0]} failed" || return ;;
	esac
	token=$(tr -d '[:space:]' <<<"$token")
	[[ $token =~ ^[A-Za-z0-9_.=-]+$ ]] || no "what $VMMESH_IDENTITY gave is not a token" || return
	end=$(expiry "$token")
	[ "${end:-$((NOW + 1))}" -gt "$NOW" ] || no "the token that $VMMESH_IDENTITY gave has expired, $(when "$end"); $help"
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
		die "the mesh's root certificate is not here" "set istio.rootCert in the spec${VMMESH_ROOT_CERT_FILE:+, or put it into $VMMESH_ROOT_CERT_FILE}${VMMESH_HTTP_URL:+, or answer {\"token\": …, \"rootCert\": …\}}"
	fi
	openssl x509 -noout <<<"$pem" 2>/dev/null ||
		die "what $from gives as the mesh's root certificate is none in PEM" "it is root-cert.pem in ConfigMap istio-ca-root-cert of every namespace"
	hand 0644 "$ROOT" <<<"$pem"
	[ ! -s "$from" ] || put 0644 root:root "$last" <"$from"
}

# only: SPIRE
# socket links SPIRE's socket to where the agent looks.
socket() {
	local name
	[ -S "$VMMESH_SPIRE_SOCKET" ] || die "the SPIRE agent's socket $VMMESH_SPIRE_SOCKET is not there" "start spire-agent, or correct vm.identity.spire.socketPath"
	name=$(value WORKLOAD_IDENTITY_SOCKET_FILE "$ETC/cluster.env")
	name=$UDS/${name:-socket}
	if [ "$(readlink -f "$VMMESH_SPIRE_SOCKET")" != "$(readlink -f "$name")" ]; then
		ln -sfn "$VMMESH_SPIRE_SOCKET" "$name"
	fi
}
# end

folder "$PROXY" "$CERTS"
folder root:root /var/run/secrets
folder root:root "${TOKEN%/*}"
# The agent makes its socket there; SPIRE's is linked there by root.
[ "$VMMESH_IDENTITY" = SPIRE ] || folder "$PROXY" "$UDS"
[ "$VMMESH_IDENTITY" != SPIRE ] || folder root:root "$UDS"
case $VMMESH_IDENTITY in
GCE | SPIRE) # no token: the agent asks Google or SPIRE itself
	[ "$VMMESH_IDENTITY" = GCE ] || socket
	trust
	;;
*)
	before=$(cat "$ROOT" 2>/dev/null) || before=
	doubt=
	! doubted || doubt=yes
	if [ -n "$doubt" ] && [ -e "$ETC/root-cert.pem" ] && cmp -s "$ETC/root-cert.pem" "$STATE/root-cert.placed"; then
		warn "$VMMESH_ISTIOD_HOST has a certificate of another root than the spec's: set istio.rootCert to the mesh's root of now, and install the new files"
	elif [ -n "$doubt" ] && [ "$VMMESH_IDENTITY" = TokenFile ] && cmp -s "$VMMESH_ROOT_CERT_FILE" "$STATE/root-cert.placed"; then
		warn "$VMMESH_ISTIOD_HOST has a certificate of another root: put the mesh's root of now into $VMMESH_ROOT_CERT_FILE, and a new token beside it"
	elif [ -n "$doubt" ]; then
		warn "$VMMESH_ISTIOD_HOST has a certificate of another root than $ROOT: $VMMESH_IDENTITY is asked for the root of now"
	fi
	if [ -z "$doubt" ] && fresh && renewable "${1-}" && [ -s "$ROOT" ]; then
		trust
		note "the certificate is good until $(when "$ends"); no token is needed"
	elif obtain; then
		trust
		put 0600 "$PROXY" "$TOKEN" <<<"$token"
		# A certificate of another identity, or of a CA that is gone, would go before the token.
		if ! valid; then
			rm -f "$CERT" "$CERTS/key.pem"
			[ -z "$before" ] || [ "$before" = "$(cat "$ROOT")" ] || renewed "${1-}"
		fi
		note "a new token is in $TOKEN"
	elif valid && [ -n "$VMMESH_CA_HOST" ]; then
		warn "the certificate ends $(when "$ends"), and $VMMESH_CA_HOST renews it for a valid token only, which is missing"
	elif valid; then
		warn "the certificate ends $(when "$ends"), and there is no new token; the sidecar goes on trying to renew it by itself"
	elif [ "${1-} $VMMESH_DNS_MODE" = "timer Proxy" ] && [ "$VMMESH_IDENTITY" != TokenFile ]; then
		# While DNS is captured and istiod does not answer, no name resolves; before a start nothing is captured.
		note "no valid certificate and no token: istio is started again, to ask while nothing is captured"
		systemctl --no-block try-restart istio.service
	else
		die "the sidecar has no valid certificate, and there is no token to get one" "see the warning above, and RUNBOOK.md, \"Token\""
	fi
	;;
esac
