#!/usr/bin/env bash
# Deploys Darkroom into the account and region that the AWS CLI is set to; `make deploy` runs it after `make package`.
#
#   NAME        the stack's name; darkroom
#   PARAMETERS  for infra/template.yaml, e.g. "MaximumConcurrency=7 AlarmEmail=me@example.com"
#   MODEL       the folder in models/ that the image holds; postcard
#   IMAGE       a worker image in ECR by its digest; without one it is built here with Docker and pushed
set -euo pipefail
stack=${NAME:-darkroom}
cd "$(dirname "$0")/.."

output() {
  aws cloudformation describe-stacks --stack-name "$1" --output text \
    --query "Stacks[0].Outputs[?OutputKey=='$2'].OutputValue"
}

aws cloudformation deploy --stack-name "$stack-artifacts" --template-file infra/artifacts.yaml \
  --no-fail-on-empty-changeset
code=$(output "$stack-artifacts" Code)

image=${IMAGE:-}
if [ -z "$image" ]; then
  repository=$(output "$stack-artifacts" WorkerImages)
  aws ecr get-login-password | docker login --username AWS --password-stdin "${repository%%/*}"
  # Lambda takes one platform's manifest, and no index with attestations beside it.
  docker buildx build --file worker_fn/Dockerfile --build-arg "MODEL=${MODEL:-postcard}" --platform linux/amd64 --provenance=false \
    --output "type=image,name=$repository,push=true,push-by-digest=true" --metadata-file build/image.json .
  image="$repository@$(sed -n 's/.*"containerimage.digest": *"\([^"]*\)".*/\1/p' build/image.json)"
fi

aws cloudformation package --template-file infra/template.yaml --s3-bucket "$code" \
  --output-template-file build/packaged.yaml > build/package.log
# Published versions keep the parameters that they were published with: new ones must be a change of the functions.
revision=$({ cat build/packaged.yaml; echo "$image ${PARAMETERS:-}"; } | cksum | cut -d ' ' -f 1)
sed "s/revision 0/revision $revision/" build/packaged.yaml > build/template.yaml
# shellcheck disable=SC2086  # PARAMETERS is a list of words
aws cloudformation deploy --stack-name "$stack" --template-file build/template.yaml --s3-bucket "$code" \
  --capabilities CAPABILITY_IAM CAPABILITY_AUTO_EXPAND --no-fail-on-empty-changeset \
  --parameter-overrides "WorkerImage=$image" ${PARAMETERS:-}
echo "deployed $(output "$stack" ApiUrl)"
