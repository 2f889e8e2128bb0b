#!/usr/bin/env bash
# Photos: the preset `small`, set for photos, beside the paper's recipe of the same width and size,
# trained at the same time for the same minutes, one thread each; unseen classes, five examples.
#
#     scripts/compare_photos.sh FOLDER PHOTOS.zip [MINUTES] [TRIAL]
#
# TRIAL is one of the paper's in scripts/recipe_trials.py. Run again, it goes on, and measures anew:
# FOLDER/photos.json and photos.html.
set -euo pipefail
folder=${1:?give a folder for the runs}
photos=${2:?give the photos}
minutes=${3:-30}
trial=${4:-paper-batch-8}
mkdir -p "$folder"

learn() {  # RUN ASSIGNMENT...: learns for what is left of the minutes
    local left options=()
    for assignment in "${@:2}"; do options+=(--set "$assignment"); done
    left=$(python3 - "$folder/$1/metrics.jsonl" "$minutes" <<'EOF'
import json, pathlib, sys
log = pathlib.Path(sys.argv[1])
lines = map(json.loads, log.read_text().splitlines() if log.exists() else ())
print(max(0, float(sys.argv[2]) - max((line.get("minutes", 0) for line in lines), default=0)))
EOF
    )
    [ "$left" = 0 ] || funit train "$photos" --out "$folder/$1" --preset small --max-images 1000000 \
        --max-minutes "$left" --set training.num_threads=1 "${options[@]}"
}

read -ra papers < <(python3 "$(dirname "$0")/recipe.py" list | sed -n "s/^$trial: //p")
learn small model.plain_background=false data.recolour=false training.adversarial_from_images=4000 &
ours=$!
learn paper "${papers[@]}"
wait "$ours"
funit evaluate "$folder/small" "$folder/paper" "$photos" --shots 5 --pairs 1800 \
    --only accuracy,distribution,copies,spread --json "$folder/photos.json" --html "$folder/photos.html"
