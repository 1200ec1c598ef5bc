#!/bin/sh
# Fits y = a x + b to ten points by gradient descent, in awk. Reports, saves checkpoints, and continues from them.
set -eu

rate="" steps=""
for argument; do
    case $argument in
        --rate=*) rate=${argument#*=} ;;
        --steps=*) steps=${argument#*=} ;;
    esac
done

step=0 a=0 b=0
if [ -n "${SWEEP_CHECKPOINT:-}" ]; then # an earlier attempt was killed: continue from its last checkpoint
    read -r step a b <"$SWEEP_CHECKPOINT"
    echo "continuing from step $step"
fi

while [ "$step" -lt "$steps" ]; do
    count=$((steps - step < 50 ? steps - step : 50))
    step=$((step + count))
    line=$(awk -v a="$a" -v b="$b" -v rate="$rate" -v count="$count" 'BEGIN {
        for (i = 1; i <= count; i++) {
            loss = da = db = 0
            for (n = 0; n < 10; n++) {
                x = n / 10
                error = a * x + b - (3 * x + 1)
                loss += error * error / 10
                da += 2 * error * x / 10
                db += 2 * error / 10
            }
            a -= rate * da
            b -= rate * db
        }
        printf "%.17g %.17g %.9g\n", a, b, loss
    }')
    set -- $line
    a=$1 b=$2 loss=$3
    echo "step $step loss $loss"
    echo "$step $a $b" >"$SWEEP_CHECKPOINT_DIR/$step.txt"
    echo "{\"step\": $step, \"loss\": $loss, \"checkpoint\": \"$step.txt\"}" >>"$SWEEP_REPORT"
    sleep "${PAUSE:-0.1}" # a real training takes longer
done

echo "{\"score\": $loss, \"cost\": $steps}" >>"$SWEEP_REPORT"
