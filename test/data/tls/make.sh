#!/bin/sh
# Makes the certificates of this folder anew (OpenSSL 3). One key serves all of them: they are for tests, and protect nothing.
set -eu
subject() { printf '/CN=%s' "$1"; }
issue() { # name, common name, alternative names, first day, last day
  openssl req -new -key key.pem -subj "$(subject "$2")" -out request.pem
  printf 'subjectAltName=%s\nbasicConstraints=CA:FALSE\n' "$3" > extensions.txt
  openssl ca -batch -notext -config ca.conf -extfile extensions.txt -startdate "$4" -enddate "$5" -in request.pem -out "$1.pem"
}
cat > ca.conf <<CONF
[ca]
default_ca = own
[own]
dir = .
database = ./index.txt
new_certs_dir = .
certificate = ./authority.pem
private_key = ./key.pem
serial = ./serial.txt
unique_subject = no
default_md = sha256
policy = any
[any]
commonName = supplied
CONF
: > index.txt
echo 01 > serial.txt
openssl ecparam -name prime256v1 -genkey -noout -out key.pem
openssl req -x509 -new -key key.pem -days 36500 -subj "$(subject 'Test city authority')" -out authority.pem
openssl req -x509 -new -key key.pem -days 36500 -subj "$(subject localhost)" -addext 'subjectAltName=DNS:localhost,IP:127.0.0.1' -out self-signed.pem
issue good localhost 'DNS:localhost,IP:127.0.0.1' 20200101000000Z 21200101000000Z
issue expired localhost 'DNS:localhost,IP:127.0.0.1' 20200101000000Z 20210101000000Z
issue wrong-host city.example 'DNS:city.example' 20200101000000Z 21200101000000Z
rm -f request.pem extensions.txt ca.conf index.txt* serial.txt* ./[0-9A-F]*.pem
