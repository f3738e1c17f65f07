"""What scores encoded pairs: torch, ONNX Runtime, OpenVINO; what each says of itself, and the rows it is given."""
