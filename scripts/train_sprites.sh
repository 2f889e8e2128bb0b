#!/usr/bin/env bash
# The training of the shipped model `sprites`: learns from the game characters in six runs that
# each start from the last one's model. Run it again to go on; one thread of a CPU is enough (the
# model's card says for how long).
#
#     scripts/train_sprites.sh FOLDER LPC.zip [--max-minutes M]
#
# M is of each run that is not at its end.
set -euo pipefail
folder=${1:?give a folder for the runs}
lpc=${2:?give the game characters}
shift 2
mkdir -p "$folder"

learn() {  # RUN IMAGES OPTION...: goes on with a run until it has seen so many images
    funit train "$lpc" --out "$folder/$1" --max-images "$2" --set training.num_threads=1 \
        --set model.attention_pixels=false --set model.attention_overlap=false "${@:3}"
}

learn first 149192 --preset small --seed 0 \
    --set data.bend=0.02 --set training.learning_rate=1e-3 "$@"
twins=(--set training.twins=1 --set training.twins_among=4 --set training.twins_from_images=0
    --set training.back_translation=0 --set data.bend=0 --set data.recolour=false
    --set training.precision=bf16 --set training.learning_rate=1e-3)
# half as many channels again, ended early; pose images are of other characters in the same pose, as
# far as the content maps tell
learn twins 60440 --from "$folder/first" --seed 1 --set model.base_channels=24 "${twins[@]}" \
    --set training.twins_every_images=24000 --set training.learning_rate_decay_images=72000 "$@"
# the attention finds the examples' pixels
learn pixels 60000 --from "$folder/twins" --seed 3 --set model.attention_pixels=true \
    "${twins[@]}" --set training.twins_every_images=30000 \
    --set training.learning_rate_decay_images=60000 "$@"
# looks that no class has; as the model was made, the pose images' hues stayed where the truth's were
# turned
learn hues 36000 --from "$folder/pixels" --seed 4 --set model.attention_pixels=true \
    "${twins[@]}" --set training.twins_every_images=40000 --set data.turn_hues=0.5 \
    --set training.learning_rate_decay_images=36000 "$@"
# and classes that never were; as the model was made, the numbers that say which were drawn before
# those of the hues
learn mixed 56000 --from "$folder/hues" --seed 5 --set model.attention_pixels=true \
    "${twins[@]}" --set training.twins_every_images=28000 --set data.turn_hues=0.5 \
    --set data.mix_classes=0.5 --set training.learning_rate_decay_images=56000 "$@"
# the pixels that are found overlap; as the model was made, it began from weights in 16 bits
learn overlap 56000 --from "$folder/mixed" --seed 6 --set model.attention_pixels=true \
    --set model.attention_overlap=true "${twins[@]}" --set training.twins_every_images=28000 \
    --set data.turn_hues=0.5 --set data.mix_classes=0.5 \
    --set training.learning_rate_decay_images=56000 "$@"
