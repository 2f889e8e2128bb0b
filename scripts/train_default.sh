#!/usr/bin/env bash
# The training of the shipped model `default`: draws its creatures and learns from them.
# Run it again to go on; one thread of a CPU is enough (the model's card says for how long).
#
#     scripts/train_default.sh FOLDER [--max-minutes M]
set -euo pipefail
folder=${1:?give a folder for the data and the run}
shift
zoo=$folder/zoo.zip
mkdir -p "$folder"
# each species shows 36 of 4,000 poses: many poses are worth more than many pictures of one
[ -f "$zoo" ] || funit data menagerie --classes 2000 --poses 36 --pool 4000 --size 64 --seed 1 --out "$zoo"
exec funit train "$zoo" --out "$folder/run" --preset small --unseen 40 --seed 1 \
    --set data.bend=0.1 --set training.num_threads=1 --set training.adversarial_from_images=1000000 \
    --set training.keep_checkpoints=60 --max-images 1000000 "$@"
