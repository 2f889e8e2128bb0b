#!/usr/bin/env bash
# The training of the shipped model `default`: draws its creatures and learns from them, in nine
# runs that each start from the last one's model, as it was made. Run it again to go on; one thread
# of a CPU is enough (seven and a half hours in all: docs/runs.md).
#
#     scripts/train_default.sh FOLDER [--max-minutes M]
#
# M is of each run that is not at its end.
set -euo pipefail
folder=${1:?give a folder for the data and the runs}
shift
zoo=$folder/zoo.zip
mkdir -p "$folder"
# each species shows 36 of 4,000 poses: many poses are worth more than many pictures of one
[ -f "$zoo" ] || funit data menagerie --classes 2000 --poses 36 --pool 4000 --size 64 --seed 1 --out "$zoo"

learn() {  # RUN IMAGES OPTION...: goes on with a run until it has seen so many images
    funit train "$zoo" --out "$folder/$1" --preset small --unseen 40 --seed 1 --max-images "$2" \
        --set training.num_threads=1 --set model.attention_pixels=false \
        --set model.attention_overlap=false "${@:3}"
}

# Reconstruction alone, as the preset has it: at a steady rate, at a higher one, falling. The
# third run was meant to be longer: its rate ends at two thirds of where it began. The fourth learns
# on with half as many channels again.
learn first 81464 --set data.bend=0.1 --set training.learning_rate=5e-4 "$@"
learn second 69760 --from "$folder/first" --set data.bend=0.02 --set training.learning_rate=1e-3 \
    --set training.learning_rate_decay_images=220000 "$@"
learn run 12088 --from "$folder/second" --set data.bend=0.02 --set training.learning_rate=8e-4 \
    --set training.learning_rate_decay_images=28000 "$@"
learn wide 130000 --from "$folder/run" --seed 2 --set model.base_channels=24 \
    --set data.bend=0.02 --set training.precision=bf16 --set training.learning_rate=8e-4 \
    --set training.learning_rate_decay_images=130000 "$@"

# All these keep the shape of the pose image. Pose codes leave it to the examples; both runs were
# ended early, for the last one, whose pose images are of other species in the same pose, as far as
# the codes tell.
learn code 17784 --from "$folder/wide" --seed 3 --set model.pose_code_size=40 \
    --set data.bend=0.02 --set training.precision=bf16 --set training.learning_rate=1e-3 \
    --set training.learning_rate_decay_images=100000 "$@"
learn code-2 20000 --from "$folder/code" --seed 4 \
    --set data.bend=0.05 --set training.precision=bf16 --set training.learning_rate=1e-3 \
    --set training.learning_rate_decay_images=62000 "$@"
twins=(--set training.twins=1 --set training.twins_from_images=0 --set training.back_translation=0
    --set data.bend=0 --set data.recolour=false --set training.precision=bf16
    --set training.learning_rate=1e-3)
learn twins 48000 --from "$folder/code-2" "${twins[@]}" --set training.twins_every_images=16000 \
    --set training.learning_rate_decay_images=48000 "$@"
# the attention finds the examples' pixels
learn pixels 44000 --from "$folder/twins" --seed 5 --set model.attention_pixels=true "${twins[@]}" \
    --set training.twins_every_images=22000 --set training.learning_rate_decay_images=44000 "$@"
# and the pixels that are found overlap
learn overlap 44000 --from "$folder/pixels" --seed 6 --set model.attention_pixels=true \
    --set model.attention_overlap=true "${twins[@]}" --set training.twins_every_images=22000 \
    --set training.learning_rate_decay_images=44000 "$@"
