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
promtool check config --syntax-only prometheus/prometheus.yml
hadolint ../Dockerfile
for overlay in base queue-time kserve; do
  kubectl kustomize "kubernetes/$overlay" >"$RENDERED/$overlay.yaml"
done
kubernetes-validate --strict "$RENDERED"/*.yaml # of ServiceMonitor and InferenceService it knows no schema, and says so
cp ../Dockerfile "$RENDERED"
checkov --quiet --compact --skip-download --framework kubernetes dockerfile --directory "$RENDERED"
