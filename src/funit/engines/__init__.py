"""What runs a model: PyTorch, ONNX Runtime or OpenVINO, all behind the same three calls."""
