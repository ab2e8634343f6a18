#!/bin/sh
# The shipped configuration, with the instances of compose in place of its three addresses.
set -eu
sed -e '/server 10\.0\.1\.1[12]:8080/d' \
    -e 's/server 10\.0\.1\.10:8080[^;]*;/server web:8080 max_fails=1 fail_timeout=5s;/' \
    -e 's/X-Forwarded-Proto \$scheme;/X-Forwarded-Proto $http_x_forwarded_proto;/' \
    -e "s/server_name aragora\.example\.com;/server_name $SITE_DOMAIN;/" \
    /aragora.conf > /etc/nginx/conf.d/default.conf
