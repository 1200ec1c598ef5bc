#!/bin/sh
# Your training, in any language. `sweepctl run NAME` starts it for each run of the sweep; configs/trainer/NAME.yaml has
# the command. This one minimizes (x - 3)^2 by gradient descent with momentum.
rate=0.1 momentum=0 steps=40
for word in "$@"; do # the suggested values, as --name=value
    case $word in
    --rate=*) rate=${word#*=} ;;
    --momentum=*) momentum=${word#*=} ;;
    --steps=*) steps=${word#*=} ;;
    esac
done

step=0 x=0 speed=0
if [ -n "${SWEEP_CHECKPOINT:-}" ]; then # this run was killed before: continue from its last checkpoint
    read -r step x speed <"$SWEEP_CHECKPOINT"
fi
while [ "$step" -lt "$steps" ]; do
    step=$((step + 1))
    set -- $(awk -v x="$x" -v v="$speed" -v rate="$rate" -v m="$momentum" \
        'BEGIN { v = m * v - rate * 2 * (x - 3); x += v; print x, v, (x - 3) ^ 2 }')
    x=$1 speed=$2 loss=$3
    if [ $((step % 10)) -eq 0 ]; then # lines of JSON: a report, here with a checkpoint
        echo "$step $x $speed" >"$SWEEP_CHECKPOINT_DIR/state.$step"
        echo "{\"step\": $step, \"loss\": $loss, \"checkpoint\": \"state.$step\"}" >>"$SWEEP_REPORT"
    fi
done
echo "{\"score\": $loss}" >>"$SWEEP_REPORT" # the cost is the time that it took, unless you add "cost"
