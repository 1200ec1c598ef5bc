#!/bin/sh
# Your training, in any language: `sweepctl run NAME` starts it for each run of the sweep as configs/trainer/NAME.yaml
# says. This one goes downhill on (x - 3)^2 with momentum.
rate=0.1 momentum=0 steps=40
for word in "$@"; do # the suggested values, as --name=value
    case $word in
    --rate=*) rate=${word#*=} ;;
    --momentum=*) momentum=${word#*=} ;;
    --steps=*) steps=${word#*=} ;;
    esac
done

step=0 x=0 speed=0
if [ -n "${SWEEP_CHECKPOINT:-}" ]; then # this run was killed before: go on from what was saved last
    read -r step x speed <"$SWEEP_CHECKPOINT"
fi
while [ "$step" -lt "$steps" ]; do
    step=$((step + 1))
    set -- $(awk -v x="$x" -v v="$speed" -v rate="$rate" -v m="$momentum" \
        'BEGIN { v = m * v - rate * 2 * (x - 3); x += v; print x, v, (x - 3) ^ 2 }')
    x=$1 speed=$2 loss=$3
    if [ $((step % 10)) -eq 0 ]; then # lines of JSON: a report, and with "checkpoint" a file that is kept
        echo "$step $x $speed" >"$SWEEP_CHECKPOINT_DIR/state.$step"
        echo "{\"step\": $step, \"loss\": $loss, \"checkpoint\": \"state.$step\"}" >>"$SWEEP_REPORT"
    fi
done
echo "{\"score\": $loss}" >>"$SWEEP_REPORT" # what the sweep improves; "cost" else is the seconds that it took
