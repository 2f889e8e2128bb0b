#!/usr/bin/env bash
# Weights of the gradient penalty beside each other: the same short training with each.
# At 32 px a quarter of an hour of one thread sees as many images as an hour at 64 px. Each sees
# equally many, so that other work on the machine does not decide.
#
#     scripts/compare_penalties.sh ZOO.zip FOLDER [IMAGES=24000]
set -euo pipefail
data=${1:?give the data}
folder=${2:?give a folder for the runs}
images=${3:-24000}
for weight in 0.1 1 10; do
    run=$folder/penalty-$weight
    funit train "$data" --out "$run" --preset small --unseen 40 --seed 1 --max-images "$images" \
        --set model.image_size=32 --set model.num_halvings=2 --set model.class_encoder_halvings=3 \
        --set model.discriminator_halvings=2 --set model.discriminator_max_channels=64 \
        --set training.num_threads=1 --set training.adversarial_from_images=2000 \
        --set training.learning_rate=5e-4 --set model.attention_pixels=false \
        --set weights.gradient_penalty="$weight"
    funit demo --model "$run" --out "$run/demo"
done
