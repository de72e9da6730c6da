#!/usr/bin/env bash
# What stands here, in the hands of the programs that will read it: promtool, hadolint, kubectl, kubernetes-validate, checkov.
set -euo pipefail
cd "$(dirname "$0")"
PATH=$PWD/../.venv-deploy/bin:$PATH
command -v promtool >/dev/null || { echo "promtool is missing: it comes with Debian's package prometheus" >&2; exit 2; }
RENDERED=$(mktemp -d)
trap 'rm -rf "$RENDERED"' EXIT

promtool check rules prometheus/rules.yml
promtool test rules prometheus/tests.yml
for config in prometheus tokens; do
  promtool check config --syntax-only "prometheus/$config.yml"
done
hadolint ../Dockerfile
# the base, everything, and each component alone on the base; kustomize takes relative paths only
cp -r kubernetes "$RENDERED/kubernetes"
for component in monitoring tokens gateway queue-time; do
  mkdir "$RENDERED/kubernetes/only-$component"
  printf 'namespace: loss-service\nresources: [../base]\ncomponents: [../%s]\n' "$component" >"$RENDERED/kubernetes/only-$component/kustomization.yaml"
done
for overlay in base production kserve only-monitoring only-tokens only-gateway only-queue-time; do
  kubectl kustomize "$RENDERED/kubernetes/$overlay" >"$RENDERED/$overlay.yaml"
done
rm -r "$RENDERED/kubernetes"
kubernetes-validate --strict "$RENDERED"/*.yaml # it has no schema of custom resources, and says so
cp ../Dockerfile "$RENDERED"
checkov --quiet --compact --skip-download --framework kubernetes dockerfile --directory "$RENDERED"
