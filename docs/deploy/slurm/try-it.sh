#!/usr/bin/env bash
# Proves on one machine that a sweep under a real SLURM gives the bytes of a sweep without it: starts munged, slurmctld and
# slurmd with their state in a temporary folder, runs a job array, kills one of its tasks half-way and runs it again,
# merges the parts, and compares. Needs root and Debian's packages: apt-get install slurm-wlm munge.
#
#   docs/deploy/slurm/try-it.sh target/release/plimsoll scenarios/01-single-server.yaml --vary load.visitors.rate=10/s..40/s:5/s
set -euo pipefail

program=$(realpath "${1:?the program}"); scenario=$(realpath "${2:?a scenario}"); shift 2
here=$(dirname "$(realpath "$0")")
work=$(mktemp -d); cd "$work"
tasks=4

for needed in munged slurmctld slurmd sbatch; do
    command -v "$needed" > /dev/null || { echo "there is no $needed: apt-get install slurm-wlm munge"; exit 2; }
done

# -- a cluster of one machine, unless there is one
if [ -z "${SLURM_CONF:-}" ]; then
    mkdir -p /run/munge state spool
    [ -f /etc/munge/munge.key ] || (umask 077 && head -c 1024 /dev/urandom > /etc/munge/munge.key)
    chown -R munge: /run/munge /etc/munge
    started=
    munge -n 2> /dev/null | unmunge > /dev/null 2>&1 || { runuser -u munge -- munged --force; sleep 1; started=/run/munge/munged.pid; }
    host=$(hostname -s)
    cat > slurm.conf << CONF
ClusterName=local
SlurmctldHost=$host(127.0.0.1)
SlurmUser=root
AuthType=auth/munge
StateSaveLocation=$work/state
SlurmdSpoolDir=$work/spool
SlurmctldPidFile=$work/slurmctld.pid
SlurmdPidFile=$work/slurmd.pid
SlurmctldLogFile=$work/slurmctld.log
SlurmdLogFile=$work/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
MpiDefault=none
NodeName=$host NodeAddr=127.0.0.1 CPUs=$(nproc) State=UNKNOWN
PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE State=UP
CONF
    export SLURM_CONF=$work/slurm.conf
    slurmctld; sleep 2; slurmd; sleep 2
    trap 'kill $(cat slurmd.pid slurmctld.pid $started)' EXIT
fi
sinfo

# -- the array; each task remembers nothing but its own part
mkdir parts
wait_for() { while squeue -h -j "$1" | grep -q .; do sleep 0.2; done; }
submit() { sbatch --parsable --array="$1" --export="ALL,PLIMSOLL=$program" "$here/sweep.sbatch" "$scenario" "${@:2}" --out parts; }
job=$(submit "1-$tasks" "$@"); echo "job $job: $tasks tasks"

# -- one of them is killed as soon as it has written something
victim=parts/part-0002-of-000$tasks.jsonl
until [ -s "$victim" ] && [ "$(wc -l < "$victim")" -gt 1 ] || ! squeue -h -j "$job" | grep -q .; do sleep 0.02; done
scancel --signal=KILL --full "${job}_2" 2> /dev/null || true
wait_for "$job"
echo "after the kill: $(wc -l < "$victim") lines in $victim"

# -- it is run again, alone
srun --ntasks=1 "$program" sweep "$scenario" "$@" --shard "2/$tasks" --resume --out parts -qq
echo "run again:      $(wc -l < "$victim") lines in $victim"

# -- the whole, and the same without SLURM
"$program" merge parts/part-*.jsonl --out merged.jsonl > /dev/null
"$program" sweep "$scenario" "$@" --out alone -qq
cmp merged.jsonl alone/sweep.jsonl && echo "byte-equal: $(wc -l < merged.jsonl) lines, $(sha256sum < merged.jsonl | cut -c1-16)"
