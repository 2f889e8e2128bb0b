#!/usr/bin/env bash
# The results in docs/: the default model on creatures drawn anew, and the runs of docs/runs.md on the
# two data sets that they learned from. Trains what is not trained yet (each 40 minutes of one
# thread), evaluates what is not evaluated yet (each up to an hour), and writes the pages.
#
#     scripts/report_runs.sh FOLDER LPC.zip BUTTERFLIES.zip
set -euo pipefail
folder=${1:?give a folder for the runs and the reports}
lpc=${2:?give the game characters}
butterflies=${3:?give the photos of butterflies}

train() {  # DATA NAME OPTION...
    [ -d "$folder/$2" ] || funit train "$1" --out "$folder/$2" --set training.num_threads=1 \
        --max-images 1000000 --max-minutes 40 "${@:3}"
}

mkdir -p "$folder"
train "$lpc" lpc
train "$butterflies" butterflies --set model.plain_background=false --set data.recolour=false \
    --set training.adversarial_from_images=4000

zoo=$folder/zoo.zip
[ -f "$zoo" ] || funit data menagerie --classes 30 --poses 60 --size 64 --seed 99 --out "$zoo"
python "$(dirname "$0")/report_models.py" "$folder/reports" --at-once 2 \
    "default=$zoo=all" "$folder/lpc=$lpc" "$folder/butterflies=$butterflies"
