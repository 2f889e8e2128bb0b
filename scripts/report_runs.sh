#!/usr/bin/env bash
# The results in docs/: the default model on creatures drawn anew, and the runs of docs/runs.md on the
# two data sets that they learned from. Trains what is not trained yet (each 40 minutes of one
# thread), evaluates what is not evaluated yet (each up to an hour), and writes the pages.
#
#     scripts/report_runs.sh FOLDER LPC.zip BUTTERFLIES.zip
set -euo pipefail
scripts=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
lpc=$(realpath "${2:?give the game characters}")
butterflies=$(realpath "${3:?give the photos of butterflies}")
mkdir -p "${1:?give a folder for the runs and the reports}"
cd "$1"
ln -sf "$lpc" lpc.zip
ln -sf "$butterflies" butterflies.zip

train() {  # NAME OPTION...: 40 minutes, once
    [ -f "$1/trained" ] || funit train "$1.zip" --out "$1" --set training.num_threads=1 \
        --set model.attention_pixels=false --set training.learning_rate=5e-4 \
        --max-images 1000000 --max-minutes 40 "${@:2}"
    touch "$1/trained"
}

train lpc --set training.adversarial_from_images=24000
train butterflies --set model.plain_background=false --set data.recolour=false \
    --set training.adversarial_from_images=4000

if [ ! -d zoo ]; then  # half of the classes are what copies and accuracy are judged beside
    funit data menagerie --classes 30 --poses 120 --size 64 --seed 99 --out drawn
    mkdir -p new/seen
    mv drawn/000* drawn/001[0-4]-* new/seen
    mv drawn new/unseen
    mv new zoo
fi
python "$scripts/report_models.py" reports --at-once 2 --pairs 1800 \
    default=zoo lpc=lpc.zip butterflies=butterflies.zip
