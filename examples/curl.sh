#!/bin/sh
# The same loss twice, with a JSON body and with a safetensors body: sh examples/curl.sh http://127.0.0.1:8000
set -eu
address=${1:-http://127.0.0.1:8000}

# JSON: a tensor may be a nested array, as people write it.
curl --silent --show-error --fail-with-body "$address/loss/mean_squared_error" \
  --header 'content-type: application/json' \
  --data '{"predictions": [0.5, 0.25, 0.75], "labels": [1, 0, 0]}'
echo

# safetensors: the length of the header in 8 bytes, the header, then the numbers; here little-endian float32. The response is JSON by Accept.
header='{"predictions":{"dtype":"F32","shape":[3],"data_offsets":[0,12]},"labels":{"dtype":"F32","shape":[3],"data_offsets":[12,24]}}   '
{
  # shellcheck disable=SC2059  # the format is the byte
  printf "\\$(printf '%o' "${#header}")\0\0\0\0\0\0\0"
  printf '%s' "$header"
  printf '\000\000\000\077\000\000\200\076\000\000\100\077' # 0.5, 0.25, 0.75
  printf '\000\000\200\077\000\000\000\000\000\000\000\000' # 1, 0, 0
} | curl --silent --show-error --fail-with-body "$address/loss/mean_squared_error" \
  --header 'content-type: application/vnd.safetensors' --header 'accept: application/json' --data-binary @-
echo
