#!/bin/sh
# Each task of the array runs its own part of the rows: sbatch slurm.sh /data/tickets.parquet
# Afterwards, on any machine that sees the folders: runner merge shards/*/.runner/runs/* --output answers.parquet
#SBATCH --array=1-4
#SBATCH --cpus-per-task=1
#SBATCH --mem=1G
#SBATCH --requeue
#SBATCH --signal=B:TERM@120
set -eu
shard=shards/$SLURM_ARRAY_TASK_ID
mkdir -p "$shard"
cp -R prompts runner.yaml "$shard"
cd "$shard"
# A task that was requeued continues its run.
if [ -d .runner/runs ]; then
  exec runner run --resume last --input "$1"
fi
exec runner run prompts/triage.prompt.yaml --input "$1" --shard "$SLURM_ARRAY_TASK_ID/$SLURM_ARRAY_TASK_COUNT"
