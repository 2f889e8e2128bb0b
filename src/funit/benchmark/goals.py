"""The names of the rows, and what each should reach: ratios to the plain model or loop.

All rows of one `what` have one goal; a row without one is there to compare with.
"""

from collections.abc import Mapping

from funit.benchmark.results import Goal

TRANSLATION = "translation, K = 1, fp32"
KEPT = "translation, class code kept, fp32"
ERROR = "translation, fp32, largest error, images in -1..1"
KEPT_BF16 = "translation, class code kept, bf16"
KEPT_INT8 = "translation, class code kept, int8"
QUALITY_INT8 = "int8, truth error on the shipped models"
QUALITY_BF16 = "bf16, truth error and DIPD on the shipped models"
ENGINES_COMPARED = "translation, class code kept, speed of onnxruntime"
LIGHT = "translation, preset `light`"
QUALITY_LIGHT = "preset `light`, truth error to `paper`'s, same time"
BATCH = "batch of 8, throughput, fp32"
BATCH_BF16 = "batch of 8, throughput, bf16"
TRAINING = "training, fp32, identical mathematics"
LEAN_TRAINING = "training, bf16 + lazy penalty"
QUALITY_LEAN_TRAINING = "bf16 + lazy penalty, truth error, same images"
MANY_CLASSES = "training step, 10,000 classes against 100"
TRAINING_MEMORY = "memory, training step"
TRANSLATION_MEMORY = "memory, translation"
START_TORCH = "start to first translation, CPU time, torch engine"
START_ONNX = "start to first translation, CPU time, onnxruntime engine"
START_OPENVINO = "start to first translation, CPU time, openvino engine"
HELP = "funit --help, seconds"
MODELS_LIST = "funit models list, seconds"
DATA_RATE = "packed data, images a second of a core"
GPU_STEP = "gpu, training step, beside the plain loop"
GPU_RATE = "gpu, training, images a second"
GPU_LIMIT = "gpu, training, share of the matrix rate"
GPU_MEMORY = "gpu, memory, training step"

GOALS: Mapping[str, Goal] = {
    TRANSLATION: Goal(2.3),
    KEPT: Goal(2.6),
    ERROR: Goal(1e-4, "lower", noise=0),
    KEPT_BF16: Goal(4.8),
    QUALITY_BF16: Goal(1.01, "lower", noise=0),
    KEPT_INT8: Goal(7),
    QUALITY_INT8: Goal(1.02, "lower", noise=0),
    ENGINES_COMPARED: Goal(None),
    LIGHT: Goal(15),
    QUALITY_LIGHT: Goal(1, "lower", noise=0),
    BATCH: Goal(2.2),
    BATCH_BF16: Goal(4),
    TRAINING: Goal(2),
    LEAN_TRAINING: Goal(3.6),
    QUALITY_LEAN_TRAINING: Goal(1.01, "lower", noise=0),
    MANY_CLASSES: Goal(1.1, "lower"),
    TRAINING_MEMORY: Goal(0.8, "lower"),
    TRANSLATION_MEMORY: Goal(0.4, "lower"),
    START_TORCH: Goal(0.4, "lower"),
    START_ONNX: Goal(0.15, "lower"),
    START_OPENVINO: Goal(None, "lower"),
    HELP: Goal(0.3, "lower"),
    MODELS_LIST: Goal(0.3, "lower"),
    DATA_RATE: Goal(10_000),
    GPU_STEP: Goal(None),
    GPU_RATE: Goal(None),
    GPU_LIMIT: Goal(None),
    GPU_MEMORY: Goal(None, "lower"),
}
