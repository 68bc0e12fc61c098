  # By FBGEMM, for processors without AVX512-VNNI.

  # x: [rows, in], between -1 and 1; returns [rows, out]. The numbers become up to 63 steps on either
  # side of 64: without AVX512-VNNI two products at a time are summed in 16 bits, which hold no more.
  def product(self: __torch__.Program, x: Tensor, weights: List[__torch__.torch.classes.quantized.LinearPackedParamsBase], at: int) -> Tensor:
    return ops.quantized.linear_with_input_q_dq_qweight_dq_output_fp32(x, 1.0 / 63.0, 64, weights[at])

  # Symmetric, one scale an output channel: [out, in] to packed int8.
  def quantize(self: __torch__.Program, weight: Tensor) -> List[__torch__.torch.classes.quantized.LinearPackedParamsBase]:
    scales = torch.clamp(weight.abs().amax([1]) / 127.0, 1e-12)
    return [ops.quantized.linear_prepack(torch.quantize_per_channel(weight, scales, torch.zeros_like(scales, dtype=4), 0, 12), None)]
