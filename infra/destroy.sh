#!/usr/bin/env bash
# Deletes a stack, every job, picture and key in it, and what it was deployed from; `make destroy` runs it.
set -euo pipefail
stack=${NAME:-darkroom}
if [ "${CONFIRM:-}" != "$stack" ]; then
  echo "this deletes every job, picture and key of $stack for good: make destroy CONFIRM=$stack" >&2
  exit 2
fi

output() {
  aws cloudformation describe-stacks --stack-name "$1" --output text \
    --query "Stacks[0].Outputs[?OutputKey=='$2'].OutputValue" 2> /dev/null || true
}

delete() {
  aws cloudformation delete-stack --stack-name "$1"
  aws cloudformation wait stack-delete-complete --stack-name "$1"
}

empty() {
  if [ -n "$1" ] && [ "$1" != None ]; then aws s3 rm "s3://$1" --recursive --only-show-errors; fi
}

delete "$stack-gpu"
table=$(output "$stack" Table)
if [ -n "$table" ] && [ "$table" != None ]; then
  aws dynamodb update-table --table-name "$table" --no-deletion-protection-enabled > /dev/null
fi
empty "$(output "$stack" Bucket)"
delete "$stack"
empty "$(output "$stack-artifacts" Code)"
delete "$stack-artifacts"
echo "nothing is left of $stack"
