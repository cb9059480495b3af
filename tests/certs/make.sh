#!/bin/sh
# Makes the certificates of the tests anew: an authority, and two server certificates it signed.
# Valid from 2020 to 2120, whatever the clock says. The keys are worth nothing outside these tests.
set -eu
cd "$(dirname "$0")"
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# 3.13 verifies strictly: it wants the usages and both key identifiers.
cat > "$scratch/openssl.cnf" <<CONFIG
[ca]
default_ca = weft
[weft]
database = $scratch/database
new_certs_dir = $scratch
rand_serial = yes
default_md = sha256
policy = name_only
default_startdate = 20200101000000Z
default_enddate = 21200101000000Z
[name_only]
commonName = supplied
[req]
distinguished_name = empty
[empty]
[authority]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign,cRLSign
subjectKeyIdentifier = hash
[server]
basicConstraints = critical,CA:FALSE
keyUsage = critical,digitalSignature
extendedKeyUsage = serverAuth
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
subjectAltName = \${ENV::NAMES}
CONFIG
: > "$scratch/database"
export NAMES="DNS:none"

issue() { # issue FILE NAME EXTENSIONS SIGNER...: a key and a certificate for it
    openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$scratch/$1.key"
    openssl req -new -config "$scratch/openssl.cnf" -key "$scratch/$1.key" -subj "/CN=$2" \
        -out "$scratch/request"
    file=$1 extensions=$3
    shift 3
    openssl ca -batch -notext -config "$scratch/openssl.cnf" -extensions "$extensions" "$@" \
        -in "$scratch/request" -out "$scratch/$file.pem"
}

{
    issue ca "weft test authority" authority -selfsign -keyfile "$scratch/ca.key"
    for name in localhost other.example; do
        NAMES="DNS:$name"
        test "$name" != localhost || NAMES="$NAMES,IP:127.0.0.1,IP:::1"
        issue "$name" "$name" server -cert "$scratch/ca.pem" -keyfile "$scratch/ca.key"
    done
} 2> "$scratch/log" || { cat "$scratch/log"; exit 1; }

cp "$scratch/ca.pem" .
for name in localhost other.example; do
    cat "$scratch/$name.key" "$scratch/$name.pem" > "$name.pem"
done
